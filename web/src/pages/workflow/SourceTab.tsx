import { Button } from 'antd';
import { saveFile } from '@/api/saveFile';
import { CodeEditor } from '@/components/code/CodeEditor';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';
import { useSource } from './useSource';
import type { TabProps } from './WorkflowPage';

export default function SourceTab({ workflow: { project, name, version } }: TabProps) {
  const text = useText();
  const notices = useNotices();
  const query = useSource(project, name, version);
  return (
    <Loaded query={query} lines={10}>
      {(source) => (
        <div className="stack tight">
          <div className="row">
            <Button size="small" onClick={() => saveFile(`${name}.yaml`, source, 'application/yaml')}>
              {text.common.download}
            </Button>
            <Button size="small" onClick={() => void navigator.clipboard.writeText(source).then(() => notices.show('applied', text.common.copied))}>
              {text.common.copy}
            </Button>
          </div>
          <CodeEditor language="yaml" value={source} readOnly label={text.workflow.tabs.source} testId="source-view" />
        </div>
      )}
    </Loaded>
  );
}
