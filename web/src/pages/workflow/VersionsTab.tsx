import { Button } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { path, sendJson, type Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { DiffView } from '@/components/code/DiffView';
import { useConfirm } from '@/components/confirm';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { useSource } from './useSource';
import type { TabProps } from './WorkflowPage';

type Version = Schemas['VersionItem'];

const PATH = '/api/v1/projects/{project}/workflows/{workflow}/versions';

export default function VersionsTab({ workflow }: TabProps) {
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const { project, name } = workflow;
  const list = useList<Version>(PATH, { path: { project, workflow: name }, query: { limit: 50 } });
  const newest = list.rows?.[0]?.version ?? workflow.version;
  const [pair, setPair] = useState<{ left: number; right: number } | null>(null);
  const shown = pair ?? (newest > 1 ? { left: newest - 1, right: newest } : null);

  const restore = async (version: number) => {
    const question = { title: text.workflow.restoreTitle(version), body: <p>{text.workflow.restoreHint(newest + 1)}</p>, yes: text.workflow.restore };
    if (!(await confirm(question))) return;
    try {
      const at = path`/api/v1/projects/${project}/workflows/${name}/versions/${version}/restore`;
      const result = await sendJson<Schemas['PutResult']>('POST', at, {});
      notices.show('applied', text.workflow.restored(version, result.version));
      await queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/projects/{project}/workflows') });
    } catch (error) {
      notices.showError(error);
    }
  };
  const columns: Column<Version>[] = [
    { key: 'version', title: text.common.version, width: 90, render: (row) => <strong>{row.version}</strong> },
    { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} /> },
    { key: 'by', title: text.workflow.createdBy, render: (row) => row.created_by },
    {
      key: 'actions',
      title: text.common.actions,
      width: 300,
      render: (row) => (
        <span className="row tight">
          <Button size="small" disabled={row.version === newest} onClick={() => setPair({ left: row.version, right: newest })}>
            {text.workflow.compare}
          </Button>
          <Button size="small" data-testid="version-restore" disabled={row.version === newest} onClick={() => void restore(row.version)}>
            {text.workflow.restore}
          </Button>
        </span>
      ),
    },
  ];
  return (
    <div className="stack">
      <DataTable
        testId="version-table"
        list={list}
        rowKey={(row) => String(row.version)}
        rowTestId={(row) => `version-row-${row.version}`}
        columns={columns}
        empty={<EmptyPanel text={text.workflow.oneVersion} />}
      />
      {shown ? <Difference project={project} workflow={name} {...shown} /> : <p className="muted">{text.workflow.oneVersion}</p>}
    </div>
  );
}

interface DifferenceProps {
  project: string;
  workflow: string;
  left: number;
  right: number;
}

function Difference({ project, workflow, left, right }: DifferenceProps) {
  const text = useText();
  const old = useSource(project, workflow, left);
  const fresh = useSource(project, workflow, right);
  return (
    <section className="stack tight" data-testid="version-diff">
      <h2>{text.workflow.difference(left, right)}</h2>
      <Loaded query={old}>{(before) => <Loaded query={fresh}>{(after) => <DiffView key={`${left}/${right}`} left={before} right={after} />}</Loaded>}</Loaded>
    </section>
  );
}
