import { useNavigate } from '@tanstack/react-router';
import type { Schemas } from '@/api/client';
import { toneOf } from '@/components/states';
import { useText } from '@/i18n/i18n';
import { formatDuration } from '@/preferences/time';
import { durationBars, median } from './durations';

const HEIGHT = 140;

/** How long the last runs waited and ran, with the median. */
export function DurationChart({ instances }: { instances: Schemas['Instance'][] }) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const navigate = useNavigate();
  const bars = durationBars(instances);
  if (bars.length === 0) return <p className="muted">{text.workflow.noRuns}</p>;
  const middle = median(bars.map((bar) => bar.running));
  const most = Math.max(...bars.map((bar) => bar.queued + bar.running), 1);
  const height = (ms: number) => (HEIGHT * ms) / most;
  return (
    <div>
      <div className="duration-chart" style={{ height: HEIGHT }}>
        {bars.map((bar) => {
          const title = `#${bar.id} · ${words[bar.state] ?? bar.state} · ${text.states.queued} ${formatDuration(bar.queued)} · ${text.states.running} ${formatDuration(bar.running)}`;
          return (
            <button
              key={bar.id}
              className={`plain tone-${toneOf(bar.state)}`}
              data-state={bar.state}
              data-outlier={bar.running > 2 * middle}
              title={title}
              aria-label={title}
              onClick={() => void navigate({ to: '/instances/$id', params: { id: bar.id } })}
            >
              <span className="waited" style={{ height: height(bar.queued) }} />
              <span className="ran" style={{ height: Math.max(2, height(bar.running)) }} />
            </button>
          );
        })}
        <span className="median" style={{ bottom: height(middle) }} />
      </div>
      <p className="small muted">
        {text.workflow.median(formatDuration(middle))} · {text.workflow.longest(formatDuration(most))} · {text.workflow.queuedAbove}
      </p>
    </div>
  );
}
