import { useFormatRelative, useFormatTime, useNow, useZone } from '@/preferences/time';

interface TimeProps {
  at: string | null | undefined;
  /** `relative` counts from now; the other form is in its title. */
  form?: 'absolute' | 'relative';
  digits?: 0 | 3;
}

export function Time({ at, form = 'absolute', digits = 0 }: TimeProps) {
  const format = useFormatTime();
  const relative = useFormatRelative();
  const zone = useZone();
  const now = useNow(form === 'relative' ? 10_000 : null);
  if (!at) return <span className="muted">–</span>;
  const absolute = `${format(at, digits)} ${zone}`;
  return form === 'relative' ? (
    <time className="nowrap" dateTime={at} title={absolute}>
      {relative(at, now)}
    </time>
  ) : (
    <time className="nowrap" dateTime={at} title={`${relative(at, now)} · ${zone}`}>
      {format(at, digits)}
    </time>
  );
}
