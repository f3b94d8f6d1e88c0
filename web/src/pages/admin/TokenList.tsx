import { path, send, sendJson, type Schemas } from '@/api/client';
import { ResourceList } from '@/components/ResourcePage';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

/** The tokens that the user may see; a new one is shown once. */
export function TokenList() {
  const text = useText();
  return (
    <ResourceList<Schemas['TokenView']>
      noun="token"
      title={text.nav.tokens}
      listPath="/api/v1/tokens"
      nameOf={(row) => row.name || row.id}
      empty={text.admin.noTokens}
      changes="create"
      columns={[
        { key: 'name', title: text.common.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'user', title: text.auth.user, render: (row) => row.user },
        { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} /> },
        { key: 'expires', title: text.admin.expires, render: (row) => <Time at={row.expires_at} /> },
        { key: 'used', title: text.admin.lastUsed, render: (row) => <Time at={row.last_used} form="relative" /> },
      ]}
      fields={() => [
        { name: 'name', label: text.common.name, required: true },
        { name: 'expires_in', label: text.admin.expiresIn, hint: '90d' },
      ]}
      save={({ name, expires_in: expiresIn }) => sendJson('POST', '/api/v1/tokens', { name, expires_in: expiresIn || null })}
      saved={(answer) => (
        <div className="stack">
          <p>{text.admin.tokenOnce}</p>
          <code className="preview-list" data-testid="token-secret" style={{ overflowWrap: 'anywhere' }}>
            {(answer as Schemas['CreatedToken']).token}
          </code>
        </div>
      )}
      remove={(row) => send('DELETE', path`/api/v1/tokens/${row.id}`)}
    />
  );
}
