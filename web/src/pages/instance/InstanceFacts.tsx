import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Schemas } from '@/api/client';
import { Chips } from '@/components/Chips';
import { Duration } from '@/components/Duration';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { StateProgress } from '@/components/StateProgress';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { InstanceNote } from './InstanceNote';

const ENDED_TASKS = ['succeeded', 'forced_success', 'failed', 'killed', 'skipped', 'not_run'];

export function InstanceFacts({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const words = text.instance;
  const strategies: Record<string, string> = text.start.strategies;
  const { total, by_state: byState } = instance.tasks;
  const ended = ENDED_TASKS.reduce((sum, state) => sum + (byState[state] ?? 0), 0);
  return (
    <section className="card stack tight">
      {instance.attention && (
        <div className="panel error">
          <StateBadge state="attention" />
          <span>
            <code>{instance.attention.code}</code> {instance.attention.detail}
          </span>
        </div>
      )}
      <p data-testid="instance-reason" hidden={!instance.reason}>
        {instance.reason}
      </p>
      <div className="row">
        <StateProgress total={total} byState={byState} />
        <span className="small muted">{words.tasksDone(ended, total)}</span>
        {instance.dry_run && <span className="chip">{words.dryRun}</span>}
        <Chips labels={instance.labels} />
      </div>
      <div className="fact-grid">
        <Fact name={text.common.started}>
          <Time at={instance.started_at} />
        </Fact>
        <Fact name={text.common.duration}>
          <Duration from={instance.started_at} to={instance.ended_at} />
        </Fact>
        <Fact name={words.scheduledAt}>
          <Time at={instance.scheduled_at} />
        </Fact>
        <Fact name={words.trigger}>
          <TriggerText instance={instance} />
        </Fact>
        <Fact name={text.common.version}>
          <WorkflowLink project={instance.project} workflow={instance.workflow} tab="versions">
            {instance.version}
          </WorkflowLink>
        </Fact>
        <Fact name={words.run}>{instance.run}</Fact>
        <Fact name={words.owner}>
          <span data-testid="instance-host" className="mono">
            {instance.host ?? '–'}
          </span>
        </Fact>
        <Fact name={words.epoch}>
          <span data-testid="instance-epoch">{instance.epoch}</span>
        </Fact>
        <Fact name={words.strategy}>{strategies[instance.failure_strategy] ?? instance.failure_strategy}</Fact>
        <Fact name={text.common.timezone}>{instance.timezone}</Fact>
      </div>
      <InstanceNote key={instance.note ?? ''} instance={instance} />
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <div className="muted small">{name}</div>
      <div>{children}</div>
    </div>
  );
}

export function TriggerText({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const { trigger, requested_by: by } = instance;
  switch (trigger.type) {
    case 'schedule':
      return (
        <WorkflowLink project={instance.project} workflow={instance.workflow} tab="schedules">
          {text.triggers.schedule} {trigger.schedule}
        </WorkflowLink>
      );
    case 'backfill':
      return (
        <Link to="/backfills/$id" params={{ id: trigger.backfill }}>
          {text.triggers.backfill} {trigger.backfill}
        </Link>
      );
    case 'sub_workflow':
    case 'dynamic':
      return (
        <span>
          {text.triggers[trigger.type]} <InstanceLink id={trigger.instance} search={{ task: trigger.task }} />
        </span>
      );
    default:
      return (
        <span>
          {text.triggers.api} {by}
        </span>
      );
  }
}
