import { BackfillTable } from '@/pages/backfills/BackfillTable';
import type { TabProps } from './WorkflowPage';

export function BackfillsTab({ workflow: { project, name } }: TabProps) {
  return <BackfillTable of={{ project, workflow: name }} />;
}
