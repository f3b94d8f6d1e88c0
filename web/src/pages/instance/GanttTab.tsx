import type { Schemas } from '@/api/client';
import { Loaded } from '@/components/Loaded';
import { isFinal } from '@/components/states';
import { TaskGantt } from '@/components/TaskGantt';
import { useText } from '@/i18n/i18n';
import { useTasks } from './useTasks';

interface GanttTabProps {
  instance: Schemas['Instance'];
  onTask: (name: string) => void;
}

export function GanttTab({ instance, onTask }: GanttTabProps) {
  const words: Record<string, string> = useText().states;
  const counts = Object.entries(instance.tasks.by_state);
  return (
    <section className="card stack tight" data-testid="gantt">
      <p className="small muted">{counts.map(([state, count]) => `${count} ${words[state] ?? state}`).join(' · ')}</p>
      <Loaded query={useTasks(instance.id)}>
        {(tasks) => <TaskGantt tasks={tasks} begin={instance.started_at ?? instance.created_at} live={!isFinal(instance.state)} onTask={onTask} />}
      </Loaded>
    </section>
  );
}
