import { Button } from 'antd';
import { useState } from 'react';
import { path, send, sendJson } from '@/api/client';
import { problemText } from '@/api/problem';
import { saveFile } from '@/api/saveFile';
import { useConfirm } from '@/components/confirm';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';

interface WorkflowBulkBarProps {
  /** The selection, as `PROJECT/NAME`. */
  names: string[];
  onDone: () => void;
  onChanged: () => void;
}

function split(name: string): [string, string] {
  const at = name.indexOf('/');
  return [name.slice(0, at), name.slice(at + 1)];
}

export function WorkflowBulkBar({ names, onDone, onChanged }: WorkflowBulkBarProps) {
  const text = useText();
  const notices = useNotices();
  const confirm = useConfirm();
  const [busy, setBusy] = useState(false);

  /** Does it one by one; what one refuses does not keep the others from it. */
  const forEach = async (action: (project: string, workflow: string) => Promise<unknown>) => {
    setBusy(true);
    const refused: string[] = [];
    for (const name of names) {
      await action(...split(name)).catch((error: unknown) => refused.push(`${name}: ${problemText(error)}`));
    }
    setBusy(false);
    const done = names.length - refused.length;
    if (done > 0) notices.show('applied', text.workflows.changed(done));
    if (refused.length > 0) notices.show('refused', refused.join('\n'));
    onChanged();
    onDone();
  };
  const setEnabled = (enabled: boolean) => forEach((project, workflow) => sendJson('PATCH', path`/api/v1/projects/${project}/workflows/${workflow}`, { enabled }));
  const copy = () =>
    forEach((project, workflow) => sendJson('POST', path`/api/v1/projects/${project}/workflows/${workflow}/copy`, { name: `${workflow}-copy` }));
  const remove = async () => {
    const list = (
      <ul className="preview-list">
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    );
    const yes = await confirm({ title: text.workflows.deleteTitle(names.length), body: list, yes: text.common.delete, danger: true });
    if (yes) await forEach((project, workflow) => send('DELETE', path`/api/v1/projects/${project}/workflows/${workflow}`));
  };
  const exportAll = async () => {
    try {
      const parts: string[] = [];
      for (const project of new Set(names.map((name) => split(name)[0]))) {
        const ofProject = names.map(split).filter(([owner]) => owner === project);
        const query = ofProject.map(([, workflow]) => `workflow=${encodeURIComponent(workflow)}`).join('&');
        const response = await send('GET', `${path`/api/v1/projects/${project}/export`}?${query}`);
        parts.push(await response.text());
      }
      saveFile('workflows.yaml', parts.join('---\n'), 'application/yaml');
    } catch (error) {
      notices.showError(error);
    }
  };
  return (
    <div className="bulk" data-testid="bulk-bar">
      <strong>{text.common.selected(names.length)}</strong>
      <Button size="small" disabled={busy} onClick={() => void setEnabled(true)}>
        {text.workflows.enable}
      </Button>
      <Button size="small" disabled={busy} onClick={() => void setEnabled(false)}>
        {text.workflows.disable}
      </Button>
      <Button size="small" disabled={busy} onClick={() => void copy()}>
        {text.workflows.copy}
      </Button>
      <Button size="small" disabled={busy} onClick={() => void exportAll()}>
        {text.workflows.export}
      </Button>
      <Button size="small" danger disabled={busy} onClick={() => void remove()}>
        {text.common.delete}
      </Button>
      <Button size="small" type="text" onClick={onDone}>
        {text.common.clear}
      </Button>
    </div>
  );
}
