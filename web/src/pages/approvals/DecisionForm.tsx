import { useQueryClient } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { useState } from 'react';
import { api, path, sendJson } from '@/api/client';
import { Loading } from '@/components/Loading';
import { useNotices } from '@/components/notices';
import { ParamField } from '@/components/ParamField';
import { useText } from '@/i18n/i18n';

interface InputSpec {
  type?: string;
  required?: boolean;
  default?: unknown;
}

/** Approves or rejects what waits for a person. */
export function DecisionForm({ instance, task }: { instance: string; task: string }) {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/approvals', { params: { query: { limit: 200 } } });
  const approval = query.data?.items.find((one) => one.instance === instance && one.task === task);
  if (query.isPending) return <Loading lines={2} />;
  if (!approval) return <p className="muted">{text.approvals.notYours}</p>;
  return <Decision instance={instance} task={task} message={approval.message} inputs={approval.inputs as Record<string, InputSpec>} />;
}

interface DecisionProps {
  instance: string;
  task: string;
  message: string;
  inputs: Record<string, InputSpec>;
}

export function Decision({ instance, task, message, inputs }: DecisionProps) {
  const text = useText();
  const queries = useQueryClient();
  const notices = useNotices();
  const [values, setValues] = useState<Record<string, string>>({});
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const decide = async (verb: 'approve' | 'reject') => {
    setBusy(true);
    try {
      const answers = verb === 'approve' ? { inputs: values } : {};
      const at = path`/api/v1/instances/${instance}/tasks/${task}`;
      const { operation } = await sendJson<{ operation: { outcome: 'applied' | 'pending' | 'refused' } }>('POST', `${at}/${verb}`, { ...answers, comment: comment || undefined });
      notices.show(operation.outcome, verb === 'approve' ? text.approvals.approved : text.approvals.rejected);
      await queries.invalidateQueries({ queryKey: ['get', '/api/v1/approvals'] });
    } catch (error) {
      notices.showError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="card stack tight" data-testid="decision-form">
      <strong>{message}</strong>
      {Object.entries(inputs).map(([name, spec]) => (
        <ParamField
          key={name}
          name={name}
          type={spec.type ?? 'string'}
          required={spec.required ?? false}
          value={values[name] ?? String(spec.default ?? '')}
          onChange={(value) => setValues({ ...values, [name]: value })}
        />
      ))}
      <label className="stack tight">
        <span className="small muted">{text.approvals.comment}</span>
        <Input value={comment} data-testid="decision-comment" onChange={(event) => setComment(event.target.value)} />
      </label>
      <div className="row">
        <Button type="primary" data-testid="verb-approve" loading={busy} onClick={() => void decide('approve')}>
          {text.approvals.approve}
        </Button>
        <Button danger data-testid="verb-reject" loading={busy} onClick={() => void decide('reject')}>
          {text.approvals.reject}
        </Button>
      </div>
    </div>
  );
}
