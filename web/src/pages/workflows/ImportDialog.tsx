import { Button, Modal } from 'antd';
import { useState } from 'react';
import { parseAllDocuments } from 'yaml';
import { path, send } from '@/api/client';
import { problemText } from '@/api/problem';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';

interface ImportDialogProps {
  project: string;
  projects: string[];
  onClose: () => void;
  onDone: () => void;
}

/** Stores documents of a file or of pasted text; several are separated by `---`. */
export function ImportDialog({ project, projects, onClose, onDone }: ImportDialogProps) {
  const text = useText();
  const notices = useNotices();
  const [target, setTarget] = useState(project);
  const [source, setSource] = useState('');
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    const problems: string[] = [];
    let stored = 0;
    for (const document of splitDocuments(source)) {
      const url = path`/api/v1/projects/${target}/workflows/${document.name}`;
      await send('PUT', url, { body: document.text, headers: { 'Content-Type': 'application/yaml' } })
        .then(() => stored++)
        .catch((error: unknown) => problems.push(`${document.name}: ${problemText(error)}`));
    }
    setBusy(false);
    if (stored > 0) notices.show('applied', text.workflows.imported(stored));
    if (problems.length > 0) notices.show('refused', problems.join('\n'));
    onDone();
    if (problems.length === 0) onClose();
  };
  return (
    <Modal open title={text.workflows.import} onCancel={onClose} width={640} footer={null}>
      <div className="stack" data-testid="import-form">
        <label className="stack tight">
          {text.common.project}
          <select className="native" value={target} onChange={(event) => setTarget(event.target.value)}>
            {[...new Set([project, ...projects])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="stack tight">
          {text.workflows.importFile}
          <input type="file" multiple accept=".yaml,.yml,.json" onChange={(event) => void readFiles(event.target.files).then(setSource)} />
        </label>
        <label className="stack tight">
          {text.workflows.importText}
          <textarea className="native mono" style={{ height: 260, padding: 8 }} value={source} onChange={(event) => setSource(event.target.value)} />
        </label>
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="primary" data-testid="import-save" loading={busy} disabled={!source.trim()} onClick={() => void run()}>
            {text.workflows.import}
          </Button>
        </div>
      </div>
    </Modal>
  );
}

async function readFiles(files: FileList | null): Promise<string> {
  const texts = await Promise.all([...(files ?? [])].map((file) => file.text()));
  return texts.join('\n---\n');
}

/** Cuts a stream of documents apart; each keeps its comments. One without a name is refused by the server. */
function splitDocuments(source: string): { name: string; text: string }[] {
  return source
    .split(/^---\s*$/m)
    .filter((part) => part.trim())
    .map((text) => {
      const name: unknown = parseAllDocuments(text)[0]?.toJS()?.name;
      return { name: typeof name === 'string' ? name : 'unnamed', text };
    });
}
