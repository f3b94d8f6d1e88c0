import { Link } from '@tanstack/react-router';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { EmptyPanel } from '@/components/EmptyPanel';
import { useText } from '@/i18n/i18n';
import { InstanceTable } from '@/pages/instances/InstanceTable';
import type { TabProps } from './WorkflowPage';

export function InstancesTab({ workflow: { project, name } }: TabProps) {
  const text = useText();
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { project, workflow: name, limit: 50 } });
  return (
    <div className="stack tight">
      <Link to="/instances" search={{ project, workflow: name }}>
        {text.workflow.filterInstances}
      </Link>
      <InstanceTable
        list={list}
        of="workflow"
        empty={
          <EmptyPanel text={text.workflow.noRuns}>
            <Link to="/start/$project/$workflow" params={{ project, workflow: name }} className="ant-btn">
              {text.workflows.run}
            </Link>
          </EmptyPanel>
        }
      />
    </div>
  );
}
