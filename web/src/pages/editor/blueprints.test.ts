import { expect, test } from 'vitest';
import { EXAMPLES } from '@/i18n/exampleTexts';
import { BLUEPRINTS } from './blueprints';
import { parseModel } from './document';

test('each example is a document that the editor can show, and says what it does', () => {
  expect(BLUEPRINTS.length).toBeGreaterThan(10);
  for (const { name, description, source } of BLUEPRINTS) {
    expect(description, name).not.toBe('');
    expect(parseModel(source), name).toMatchObject({ name, error: null });
  }
  expect(new Set(BLUEPRINTS.map(({ name }) => name)).size).toBe(BLUEPRINTS.length);
});

test('Chinese descriptions are those of examples', () => {
  const names = BLUEPRINTS.map(({ name }) => name);
  expect(Object.keys(EXAMPLES).filter((name) => !names.includes(name))).toEqual([]);
});
