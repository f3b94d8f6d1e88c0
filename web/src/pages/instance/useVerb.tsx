import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { sendJson } from '@/api/client';
import { useConfirm } from '@/components/confirm';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';
import { FINAL_VERBS, PREVIEWED, type InstanceVerb, type TaskVerb } from './verbs';

/** Time that the server waits for the owner, before it answers that the verb is pending. */
const WAIT = '5s';
/** Names of a preview that are listed. */
const MOST_NAMES = 200;

interface VerbAnswer {
  operation: { outcome: 'applied' | 'pending' | 'refused'; detail?: string | null };
}

/** Returns a function that asks where needed, sends a verb, and shows what the server said. */
export function useVerb() {
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  return useCallback(
    async (verb: Exclude<InstanceVerb, 'delete' | 'priority'> | TaskVerb, path: string, body: object = {}) => {
      try {
        const preview = PREVIEWED.has(verb) && (await sendJson<{ tasks: string[] }>('POST', `${path}/${verb}?dry_run=true`, body));
        if (preview || FINAL_VERBS.has(verb)) {
          const question = {
            title: text.verbs.ask[verb],
            body: preview ? <Preview tasks={preview.tasks} /> : <p>{text.verbs.effects[verb]}</p>,
            yes: text.verbs.names[verb],
            danger: FINAL_VERBS.has(verb),
          };
          if (!(await confirm(question))) return false;
        }
        const { operation } = await sendJson<VerbAnswer>('POST', `${path}/${verb}?wait=${WAIT}`, body);
        notices.show(operation.outcome, operation.detail ?? text.verbs.names[verb]);
        return operation.outcome === 'applied';
      } catch (error) {
        notices.showError(error);
        return false;
      } finally {
        void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/instances') });
      }
    },
    [text, queries, confirm, notices],
  );
}

function Preview({ tasks }: { tasks: string[] }) {
  const text = useText();
  return (
    <div className="stack tight">
      <p>{text.verbs.runsAgain(tasks.length)}</p>
      <ul className="preview-list" data-testid="preview">
        {tasks.slice(0, MOST_NAMES).map((task) => (
          <li key={task}>{task}</li>
        ))}
        {tasks.length > MOST_NAMES && <li>{text.home.more(tasks.length - MOST_NAMES)}</li>}
      </ul>
    </div>
  );
}
