import { useText } from '@/i18n/i18n';
import { toneOf } from './states';

interface StateProgressProps {
  total: number;
  byState: Record<string, number>;
  testId?: string;
}

/** How many are in which state, as one bar; its title says it in words. */
export function StateProgress({ total, byState, testId }: StateProgressProps) {
  const words: Record<string, string> = useText().states;
  const entries = Object.entries(byState).filter(([state, count]) => count > 0 && toneOf(state) !== 'idle');
  const title = Object.entries(byState)
    .map(([state, count]) => `${count} ${words[state] ?? state}`)
    .join(', ');
  return (
    <span className="progress" title={title} role="img" aria-label={title || '0'} data-testid={testId}>
      {entries.map(([state, count]) => (
        <span key={state} className={`tone-${toneOf(state)}`} style={{ width: `${(100 * count) / Math.max(total, 1)}%` }} />
      ))}
    </span>
  );
}
