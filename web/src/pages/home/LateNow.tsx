import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { useNow } from '@/preferences/time';
import { ListSection } from './ListSection';

/** Time after its fire at which an instance that has not started is late. */
const LATE_MS = 60_000;

/** Instances that should run and do not: queued, or without an owner or a slot since a minute. */
export function LateNow() {
  const text = useText();
  const now = useNow(10_000);
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { state: ['queued', 'running'], limit: 100 } });
  const late = (list.rows ?? []).filter(
    (instance) => !instance.started_at && now - new Date(instance.created_at).getTime() > LATE_MS,
  );
  return (
    <ListSection title={text.home.late} testId="home-late" list={list} rows={late} nothing={text.home.nothingLate} all={{ state: 'queued' }}>
      {(instance) => (
        <li key={instance.id}>
          <StateBadge state={instance.state} />
          <span className="grow" title={instance.reason ?? undefined}>
            <WorkflowLink project={instance.project} workflow={instance.workflow} /> <InstanceLink id={instance.id} />
          </span>
          <span className="muted small">
            <Time at={instance.scheduled_at ?? instance.created_at} form="relative" />
          </span>
        </li>
      )}
    </ListSection>
  );
}
