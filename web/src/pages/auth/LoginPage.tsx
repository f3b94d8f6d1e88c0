import { Button, Input } from 'antd';
import { useState } from 'react';
import { problemText } from '@/api/problem';
import { usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { useText } from '@/i18n/i18n';
import { Gate } from './Gate';
import { useSignIn } from './useSignIn';

export default function LoginPage() {
  const text = useText();
  const signIn = useSignIn('/api/v1/auth/login');
  const refused = first(usePageSearch().error);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const error = signIn.error ? problemText(signIn.error) : refused;
  return (
    <Gate title={text.auth.login} onSubmit={() => signIn.mutate({ username, password })}>
      <label className="stack tight">
        {text.auth.user}
        <Input data-testid="login-user" name="username" autoComplete="username" autoFocus value={username} onChange={(event) => setUsername(event.target.value)} />
      </label>
      <label className="stack tight">
        {text.auth.password}
        <Input type="password" data-testid="login-password" name="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
      </label>
      {error && (
        <p role="alert" data-testid="login-error" className="tone-bad" style={{ color: 'var(--tone)' }}>
          {error}
        </p>
      )}
      <Button type="primary" htmlType="submit" block data-testid="login-submit" loading={signIn.isPending} disabled={!username || !password}>
        {text.auth.login}
      </Button>
    </Gate>
  );
}
