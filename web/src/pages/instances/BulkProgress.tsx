import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { useEffect } from 'react';
import { path, sendJson, type Schemas } from '@/api/client';
import { InstanceLink } from '@/components/links';
import { StateProgress } from '@/components/StateProgress';
import { useText } from '@/i18n/i18n';

export interface BulkOperation {
  id: string;
  outcome: string;
  total?: number;
  applied?: number;
  refused?: number;
  items?: Schemas['BulkItem'][];
}

const LOOK_MS = 500;

interface BulkProgressProps {
  operation: BulkOperation;
  onEnd: () => void;
  onClose: () => void;
}

/** How far an operation on many instances is, and what it refused. */
export function BulkProgress({ operation, onEnd, onClose }: BulkProgressProps) {
  const text = useText();
  const { data = operation } = useQuery({
    queryKey: ['operation', operation.id],
    queryFn: () => sendJson<BulkOperation>('GET', path`/api/v1/operations/${operation.id}`),
    refetchInterval: ({ state }) => (state.data && state.data.outcome !== 'pending' ? false : LOOK_MS),
  });
  const ended = data.outcome !== 'pending';
  useEffect(() => {
    if (ended) onEnd();
  }, [ended]); // eslint-disable-line react-hooks/exhaustive-deps -- Once, when it ended.
  const { total = 0, applied = 0, refused = 0, items = [] } = data;
  return (
    <section className="card stack tight" data-testid="bulk-progress" data-state={data.outcome}>
      <div className="row">
        <StateProgress total={total} byState={{ applied, refused }} />
        <span>{text.instances.bulkProgress(applied, refused, total)}</span>
        {ended && (
          <Button size="small" onClick={onClose}>
            {text.common.close}
          </Button>
        )}
      </div>
      {items.length > 0 && (
        <ul className="preview-list">
          {items.map((item) => (
            <li key={item.instance}>
              <InstanceLink id={item.instance} /> {item.detail}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
