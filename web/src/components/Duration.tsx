import { formatDuration, useNow } from '@/preferences/time';

interface DurationProps {
  from: string | null | undefined;
  /** Absent while it lasts. */
  to: string | null | undefined;
}

export function Duration({ from, to }: DurationProps) {
  const now = useNow(from && !to ? 1000 : null);
  if (!from) return <span className="muted">–</span>;
  const end = to ? new Date(to).getTime() : now;
  return <span className="nowrap">{formatDuration(end - new Date(from).getTime())}</span>;
}
