import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { api, type Schemas } from '@/api/client';
import { Loaded } from '@/components/Loaded';
import { TimeAxisChart, type AxisRow } from '@/components/TimeAxisChart';
import { workflowPath } from '@/components/links';
import { useText } from '@/i18n/i18n';
import { useNow } from '@/preferences/time';
import { Section } from './Section';

const DAY_MS = 86_400_000;

/** Runs of the last day and fires of the next one, a row for each workflow. */
export function HomeTimeline() {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/timeline', { params: { query: { limit: 200 } } });
  return (
    <Section title={text.home.timeline} testId="home-timeline">
      <Loaded query={query} lines={4}>
        {(timeline) => <TimelineChart timeline={timeline} />}
      </Loaded>
    </Section>
  );
}

function TimelineChart({ timeline }: { timeline: Schemas['Timeline'] }) {
  const text = useText();
  const navigate = useNavigate();
  const now = useNow(30_000);
  const rows = useMemo(() => rowsOf(timeline, now), [timeline, now]);
  if (rows.length === 0) return <p className="muted">{text.home.nothingRan}</p>;
  return <TimeAxisChart rows={rows} from={now - DAY_MS} to={now + DAY_MS} now={now} label={text.home.timeline} onOpen={(path) => void navigate({ to: path })} />;
}

function rowsOf(timeline: Schemas['Timeline'], now: number): AxisRow[] {
  const rows = new Map<string, AxisRow>();
  const rowOf = (project: string, workflow: string): AxisRow => {
    const name = `${project}/${workflow}`;
    const row = rows.get(name) ?? { key: name, name, path: workflowPath(project, workflow), bars: [] };
    rows.set(name, row);
    return row;
  };
  for (const run of timeline.past) {
    if (!run.started_at) continue;
    const to = run.ended_at ? Date.parse(run.ended_at) : now;
    rowOf(run.project, run.workflow).bars.push({
      key: run.id, from: Date.parse(run.started_at), to, state: run.state, title: `#${run.id}`, path: `/instances/${run.id}`,
    });
  }
  for (const fire of timeline.coming) {
    const at = Date.parse(fire.fire_at);
    rowOf(fire.project, fire.workflow).bars.push({
      key: `${fire.schedule}/${fire.fire_at}`, from: at, to: at, state: 'pending', title: fire.schedule, path: workflowPath(fire.project, fire.workflow),
    });
  }
  return [...rows.values()];
}
