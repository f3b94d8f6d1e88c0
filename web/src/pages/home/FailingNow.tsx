import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { ListSection } from './ListSection';

/** Workflows whose newest ended instance failed: the newest failure of each. */
export function FailingNow() {
  const text = useText();
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { state: ['failed', 'succeeded'], limit: 100 } });
  const newest = new Map<string, Schemas['Instance']>();
  for (const instance of list.rows ?? []) {
    const key = `${instance.project}/${instance.workflow}`;
    if (!newest.has(key)) newest.set(key, instance);
  }
  const failing = [...newest.values()].filter((instance) => instance.state === 'failed');
  return (
    <ListSection title={text.home.failing} testId="home-failing" list={list} rows={failing} nothing={text.home.nothingFailing} all={{ state: 'failed' }}>
      {(instance) => (
        <li key={instance.id}>
          <StateBadge state={instance.state} />
          <span className="grow" title={instance.reason ?? undefined}>
            <WorkflowLink project={instance.project} workflow={instance.workflow} /> <InstanceLink id={instance.id} />
          </span>
          <span className="muted small">
            <Time at={instance.ended_at} form="relative" />
          </span>
        </li>
      )}
    </ListSection>
  );
}
