import { useMutation } from '@tanstack/react-query';
import { Switch } from 'antd';
import { path, sendJson } from '@/api/client';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';

interface EnabledSwitchProps {
  project: string;
  workflow: string;
  enabled: boolean;
  testId?: string;
  onChanged: () => void;
}

export function EnabledSwitch({ project, workflow, enabled, testId, onChanged }: EnabledSwitchProps) {
  const text = useText();
  const notices = useNotices();
  const change = useMutation({
    mutationFn: (next: boolean) => sendJson('PATCH', path`/api/v1/projects/${project}/workflows/${workflow}`, { enabled: next }),
    onSuccess: (_, next) => notices.show('applied', next ? text.workflows.enabledNow(workflow) : text.workflows.disabledNow(workflow)),
    onError: notices.showError,
    onSettled: onChanged,
  });
  return (
    <Switch
      size="small"
      data-testid={testId}
      data-state={enabled ? 'enabled' : 'disabled'}
      checked={enabled}
      loading={change.isPending}
      aria-label={`${text.common.enabled}: ${workflow}`}
      onChange={(next) => change.mutate(next)}
    />
  );
}
