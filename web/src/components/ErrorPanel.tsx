import { Button } from 'antd';
import { ProblemError, problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';

/** What happened when something could not be loaded, with a way to try again. */
export function ErrorPanel({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const text = useText();
  const requestId = error instanceof ProblemError ? error.requestId : null;
  return (
    <div className="panel error" role="alert" data-testid="error">
      <strong>{text.common.loadFailed}</strong>
      <span>{problemText(error)}</span>
      {requestId && <span className="muted small mono">{requestId}</span>}
      <Button data-testid="error-retry" onClick={onRetry}>
        {text.common.retry}
      </Button>
    </div>
  );
}
