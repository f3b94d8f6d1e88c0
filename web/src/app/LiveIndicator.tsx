import { useText } from '@/i18n/i18n';
import { useLiveState } from '@/live/useLive';

export function LiveIndicator() {
  const text = useText();
  const state = useLiveState();
  return (
    <span className="live" data-testid="live-indicator" data-state={state} title={text.live.titles[state]}>
      {text.live.words[state]}
    </span>
  );
}
