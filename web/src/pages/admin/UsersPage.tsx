import { path, send, sendJson, type Schemas } from '@/api/client';
import { ResourcePage } from '@/components/ResourcePage';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

const ROLES = ['member', 'admin'] as const;

export default function UsersPage() {
  const text = useText();
  const roles = ROLES.map((value) => ({ value, label: text.roles[value] }));
  const switches = [
    { value: 'true', label: text.common.yes },
    { value: 'false', label: text.common.no },
  ];
  return (
    <ResourcePage<Schemas['UserView']>
      noun="user"
      title={text.nav.users}
      listPath="/api/v1/users"
      nameOf={(row) => row.name}
      empty={text.admin.noUsers}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'role', title: text.admin.role, render: (row) => text.roles[row.role] },
        { key: 'enabled', title: text.common.state, render: (row) => <StateBadge state={row.enabled ? 'enabled' : 'disabled'} /> },
        { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} /> },
      ]}
      fields={(row) => [
        { name: 'name', label: text.common.name, required: true, fixed: row !== null },
        { name: 'password', label: row ? text.auth.newPassword : text.auth.password, kind: 'password', hint: row ? text.admin.passwordKept : text.admin.passwordOptional },
        { name: 'role', label: text.admin.role, kind: 'choice', choices: roles },
        ...(row ? [{ name: 'enabled', label: text.common.enabled, kind: 'choice' as const, choices: switches }] : []),
      ]}
      valuesOf={(row) => ({ name: row?.name ?? '', password: '', role: row?.role ?? 'member', enabled: String(row?.enabled ?? true) })}
      save={({ name = '', password, role, enabled }, row) =>
        row
          ? sendJson('PATCH', path`/api/v1/users/${name}`, { ...(password ? { password } : {}), role, enabled: enabled === 'true' })
          : sendJson('POST', '/api/v1/users', { name, role, ...(password ? { password } : {}) })
      }
      remove={(row) => send('DELETE', path`/api/v1/users/${row.name}`)}
    />
  );
}
