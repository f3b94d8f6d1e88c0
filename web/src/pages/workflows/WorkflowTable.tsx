import { Link, useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { Chips } from '@/components/Chips';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { FavouriteButton } from '@/components/FavouriteButton';
import { WorkflowLink, workflowPath } from '@/components/links';
import { RunBars } from '@/components/RunBars';
import { StateBadge } from '@/components/StateBadge';
import { staticList } from '@/components/staticList';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { EnabledSwitch } from './EnabledSwitch';
import type { WorkflowRow } from './useWorkflows';

interface WorkflowTableProps {
  rows: WorkflowRow[];
  project: string | undefined;
  selected: string[];
  onSelect: (names: string[]) => void;
  onChanged: () => void;
}

export function WorkflowTable({ rows, project, selected, onSelect, onChanged }: WorkflowTableProps) {
  const text = useText();
  const navigate = useNavigate();
  const key = (row: WorkflowRow) => `${row.project}/${row.name}`;
  const columns: Column<WorkflowRow>[] = [
    { key: 'favourite', title: '', width: 36, render: (row) => <FavouriteButton name={key(row)} /> },
    {
      key: 'name',
      title: text.common.name,
      render: (row) => (
        <div className="wide-cell">
          <WorkflowLink project={row.project} workflow={row.name}>
            {project ? row.name : key(row)}
          </WorkflowLink>
          {row.description && <div className="muted small">{row.description}</div>}
        </div>
      ),
    },
    { key: 'labels', title: text.common.labels, render: (row) => <Chips labels={row.labels} /> },
    { key: 'tasks', title: text.common.tasks, align: 'right', width: 72, render: (row) => row.tasks },
    { key: 'runs', title: text.workflows.runs, width: 170, render: (row) => <RunBars runs={row.runs ?? []} /> },
    {
      key: 'last',
      title: text.workflows.lastRun,
      width: 190,
      render: ({ runs }) =>
        runs?.[0] ? (
          <span className="row tight">
            <StateBadge state={runs[0].state} />
            {runs[0].started_at && (
              <span className="muted small">
                <Time at={runs[0].started_at} form="relative" />
              </span>
            )}
          </span>
        ) : (
          <span className="muted">{text.workflows.neverRan}</span>
        ),
    },
    { key: 'next', title: text.workflows.nextFire, width: 130, render: (row) => <Time at={row.next_fire_at} form="relative" /> },
    {
      key: 'enabled',
      title: text.common.enabled,
      width: 84,
      render: (row) => <EnabledSwitch project={row.project} workflow={row.name} enabled={row.enabled} onChanged={onChanged} />,
    },
    {
      key: 'run',
      title: '',
      width: 76,
      render: (row) => (
        <Button size="small" data-testid="run-button" disabled={!row.enabled} title={row.enabled ? undefined : text.workflows.disabledHint} aria-label={`${text.workflows.run} ${key(row)}`} onClick={() => void navigate({ to: '/start/$project/$workflow', params: { project: row.project, workflow: row.name } })}>
          {text.workflows.run}
        </Button>
      ),
    },
  ];
  return (
    <DataTable
      testId="workflow-table"
      list={staticList(rows)}
      rowKey={key}
      rowTestId={(row) => `workflow-row-${key(row)}`}
      columns={columns}
      selection={{ keys: selected, onChange: onSelect }}
      onOpen={(row) => void navigate({ to: workflowPath(row.project, row.name) })}
      empty={
        <EmptyPanel text={text.workflows.empty}>
          <Link to="/projects/$project/new" params={{ project: project ?? 'default' }} className="ant-btn">
            {text.workflows.new}
          </Link>
        </EmptyPanel>
      }
    />
  );
}
