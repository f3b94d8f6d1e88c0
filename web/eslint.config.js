import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'src/api/schema.d.ts'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      'max-lines': ['error', 400],
      'max-depth': ['error', 4],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      'no-restricted-globals': ['error', { name: 'localStorage', message: 'Preferences are kept on the server.' }],
    },
  },
  { files: ['src/i18n/*.ts'], rules: { 'max-lines': 'off' } },
  {
    // Texts stand in src/i18n only.
    files: ['src/**/*.tsx'],
    ignores: ['src/**/*.test.tsx'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXText[value=/[A-Za-z]{2}/]', message: 'Texts stand in src/i18n/en.ts and zh.ts.' },
        {
          selector: 'JSXAttribute[name.name=/^(title|label|placeholder|aria-label)$/] > Literal[value=/[a-z]{2}/]',
          message: 'Texts stand in src/i18n/en.ts and zh.ts.',
        },
      ],
    },
  },
);
