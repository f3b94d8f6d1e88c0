import { Button, Input } from 'antd';
import { useState } from 'react';
import { problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';
import { Gate } from './Gate';
import { useSignIn } from './useSignIn';

/** Sets the password of a user by a link that works once. */
export default function SetupPage() {
  const text = useText();
  const setUp = useSignIn('/api/v1/auth/setup');
  const [password, setPassword] = useState('');
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  const error = setUp.error ? problemText(setUp.error) : token ? null : text.auth.setupWithoutToken;
  return (
    <Gate title={text.auth.setup} onSubmit={() => setUp.mutate({ token: token ?? '', password })}>
      <p className="muted">{text.auth.setupHint}</p>
      <label className="stack tight">
        {text.auth.newPassword}
        <Input type="password" data-testid="setup-password" autoComplete="new-password" autoFocus value={password} onChange={(event) => setPassword(event.target.value)} />
      </label>
      {error && (
        <p role="alert" data-testid="setup-error" className="tone-bad" style={{ color: 'var(--tone)' }}>
          {error}
        </p>
      )}
      <Button type="primary" htmlType="submit" block data-testid="setup-submit" loading={setUp.isPending} disabled={!token || !password}>
        {text.auth.setupSubmit}
      </Button>
    </Gate>
  );
}
