import type { Schemas } from '@/api/client';
import { ResourcePage } from '@/components/ResourcePage';
import { useText } from '@/i18n/i18n';

type TaskType = Schemas['TaskType'];
type Property = { description?: string; type?: string | string[]; default?: unknown };

export default function TaskTypesPage() {
  const text = useText();
  const fieldsOf = (row: TaskType) => Object.entries((row.schema as { properties?: Record<string, Property> }).properties ?? {});
  return (
    <ResourcePage<TaskType>
      noun="task-type"
      title={text.nav.taskTypes}
      listPath="/api/v1/task-types"
      nameOf={(row) => row.name}
      empty={text.admin.noTypes}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'runs_on', title: text.admin.runsOn, render: (row) => text.admin.sites[row.runs_on as 'owner'] },
        { key: 'what', title: text.common.description, render: (row) => (row.schema as Property).description },
        { key: 'fields', title: text.admin.fields, align: 'right', render: (row) => fieldsOf(row).length },
      ]}
      detail={(row) => (
        <section className="card">
          <header>
            <h2>{row.name}</h2>
          </header>
          <dl className="facts">
            {fieldsOf(row).map(([name, property]) => (
              <div key={name} style={{ display: 'contents' }}>
                <dt>
                  <code>{name}</code>
                </dt>
                <dd>
                  {property.description} <span className="muted small">{[property.type].flat().filter(Boolean).join(' | ')}</span>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    />
  );
}
