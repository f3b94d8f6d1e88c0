import { useText } from '@/i18n/i18n';
import { StateIcon } from './StateIcon';
import { toneOf } from './states';

interface StateBadgeProps {
  state: string;
  testId?: string;
  title?: string | null;
}

/** A state by colour, icon and word. */
export function StateBadge({ state, testId, title }: StateBadgeProps) {
  const words: Record<string, string> = useText().states;
  return (
    <span className={`state tone-${toneOf(state)}`} data-state={state} data-testid={testId} title={title ?? undefined}>
      <StateIcon state={state} />
      {words[state] ?? state}
    </span>
  );
}
