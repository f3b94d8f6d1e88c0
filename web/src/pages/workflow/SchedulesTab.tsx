import { ScheduleTable } from '@/pages/schedules/ScheduleTable';
import type { TabProps } from './WorkflowPage';

export function SchedulesTab({ workflow: { project, name } }: TabProps) {
  return <ScheduleTable of={{ project, workflow: name }} />;
}
