import { Link } from '@tanstack/react-router';
import type { Schemas } from '@/api/client';
import { useText } from '@/i18n/i18n';
import { formatDuration, useNow } from '@/preferences/time';
import { toneOf } from './states';

/** The last instances of a workflow, oldest first; the height of a bar is its duration. */
export function RunBars({ runs }: { runs: Schemas['WorkflowRun'][] }) {
  const now = useNow(runs.some((run) => !run.ended_at) ? 10_000 : null);
  const words: Record<string, string> = useText().states;
  const times = runs.map(({ started_at, ended_at }) =>
    started_at ? (ended_at ? Date.parse(ended_at) : now) - Date.parse(started_at) : 0,
  );
  const longest = Math.max(...times, 1);
  return (
    <span className="run-bars">
      {runs
        .map((run, index) => {
          const time = times[index] ?? 0;
          const label = `#${run.id} ${words[run.state] ?? run.state}, ${formatDuration(time)}`;
          return (
            <Link
              key={run.id}
              to="/instances/$id"
              params={{ id: run.id }}
              className={`tone-${toneOf(run.state)}`}
              style={{ height: `${20 + (80 * time) / longest}%` }}
              data-state={run.state}
              title={label}
              aria-label={label}
            />
          );
        })
        .reverse()}
    </span>
  );
}
