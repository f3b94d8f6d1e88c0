import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { EmptyPanel } from '@/components/EmptyPanel';
import { useText } from '@/i18n/i18n';
import { InstanceTable } from '@/pages/instances/InstanceTable';

export function ChildrenTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { parent: instance.id, limit: 50 } });
  return <InstanceTable list={list} empty={<EmptyPanel text={text.instance.noChildren} />} />;
}
