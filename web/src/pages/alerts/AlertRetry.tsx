import { useQueryClient } from '@tanstack/react-query';
import { path, sendJson } from '@/api/client';
import { permits } from '@/app/permission';
import { usePermission } from '@/app/usePermission';
import { useUser } from '@/app/user';
import { useNotices } from '@/components/notices';
import { VerbButton } from '@/components/VerbButton';
import { useText } from '@/i18n/i18n';
import type { Alert } from './alert';

/** Has the failed messages of an alert sent again. */
export function AlertRetry({ alert, size }: { alert: Alert; size?: 'small' }) {
  const text = useText();
  const queries = useQueryClient();
  const notices = useNotices();
  const obstacle = useRetryObstacle(alert);
  const retry = async () => {
    try {
      await sendJson<Alert>('POST', path`/api/v1/alerts/${alert.id}/retry`);
      notices.show('applied', text.alerts.retried);
    } catch (error) {
      notices.showError(error);
    }
    await queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/alerts') });
  };
  return <VerbButton testId="alert-retry" size={size} name={text.alerts.retry} obstacle={obstacle} onRun={retry} />;
}

function useRetryObstacle(alert: Alert): string | null {
  const text = useText();
  const { role } = useUser();
  const permission = usePermission(alert.project ?? undefined);
  if (!alert.deliveries.some(({ state }) => state === 'failed')) return text.alerts.noneFailed;
  if (role !== 'member') return null;
  return alert.project && permits(permission, 'write') ? null : text.verbs.needsPermission('write');
}
