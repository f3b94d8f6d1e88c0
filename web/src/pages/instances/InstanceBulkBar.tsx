import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useState } from 'react';
import { sendJson } from '@/api/client';
import { useConfirm } from '@/components/confirm';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';
import { BulkProgress, type BulkOperation } from './BulkProgress';
import { bulkFilterOf, type InstanceFilter } from './filters';

const VERBS = ['pause', 'resume', 'stop', 'recover', 'rerun', 'delete'] as const;
type BulkVerb = (typeof VERBS)[number];

interface InstanceBulkBarProps {
  selected: string[];
  filter: InstanceFilter;
  onDone: () => void;
}

/** Verbs on the selection, or on all instances that match the filter. */
export function InstanceBulkBar({ selected, filter, onDone }: InstanceBulkBarProps) {
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const [whole, setWhole] = useState(false);
  const [operation, setOperation] = useState<BulkOperation | null>(null);
  const filtered = Object.keys(filter).length > 0;
  const active = selected.length > 0 || whole;
  const run = async (verb: BulkVerb) => {
    const what = whole ? text.instances.allMatching : text.common.selected(selected.length);
    const question = { title: `${text.verbs.names[verb]}: ${what}`, body: <p>{text.instances.bulkHint}</p>, yes: text.verbs.names[verb], danger: verb === 'stop' || verb === 'delete' };
    if (!(await confirm(question))) return;
    try {
      const subject = whole ? { filter: bulkFilterOf(filter) } : { ids: selected };
      setOperation(await sendJson<BulkOperation>('POST', '/api/v1/instances/bulk', { verb, ...subject }));
      notices.show('pending', `${text.verbs.names[verb]}: ${what}`);
      onDone();
      setWhole(false);
    } catch (error) {
      notices.showError(error);
    }
  };
  const ended = () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/instances'] });
  return (
    <>
      {operation && <BulkProgress key={operation.id} operation={operation} onEnd={ended} onClose={() => setOperation(null)} />}
      {!active && filtered && (
        <div>
          <Button size="small" data-testid="bulk-all" onClick={() => setWhole(true)}>
            {text.instances.selectAllMatching}
          </Button>
        </div>
      )}
      {active && (
        <div className="bulk" data-testid="bulk-bar">
          <strong>{whole ? text.instances.allMatching : text.common.selected(selected.length)}</strong>
          {VERBS.map((verb) => (
            <Button key={verb} size="small" danger={verb === 'delete' || verb === 'stop'} data-testid={`bulk-${verb}`} onClick={() => void run(verb)}>
              {text.verbs.names[verb]}
            </Button>
          ))}
          {!whole && filtered && (
            <Button size="small" type="link" onClick={() => setWhole(true)}>
              {text.instances.selectAllMatching}
            </Button>
          )}
          <Button
            size="small"
            type="text"
            onClick={() => {
              setWhole(false);
              onDone();
            }}
          >
            {text.common.clear}
          </Button>
        </div>
      )}
    </>
  );
}
