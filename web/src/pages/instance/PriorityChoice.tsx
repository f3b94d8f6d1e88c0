import { path, sendJson, type Schemas } from '@/api/client';
import { useNotices } from '@/components/notices';
import { PRIORITIES, type Priority } from '@/components/priorities';
import { useText } from '@/i18n/i18n';

export function PriorityChoice({ instance, obstacle }: { instance: Schemas['Instance']; obstacle: string | null }) {
  const text = useText();
  const notices = useNotices();
  const setPriority = async (priority: Priority) => {
    try {
      await sendJson('POST', `${path`/api/v1/instances/${instance.id}`}/priority`, { priority });
      notices.show('applied', `${text.common.priority}: ${text.priorities[priority]}`);
    } catch (error) {
      notices.showError(error);
    }
  };
  return (
    <select
      className="native"
      data-testid="verb-priority"
      aria-label={text.common.priority}
      disabled={obstacle !== null}
      title={obstacle ?? text.common.priority}
      value={instance.priority}
      onChange={(event) => void setPriority(event.target.value as Priority)}
    >
      {PRIORITIES.map((priority) => (
        <option key={priority} value={priority}>
          {text.priorities[priority]}
        </option>
      ))}
    </select>
  );
}
