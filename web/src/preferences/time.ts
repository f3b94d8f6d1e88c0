import { createContext, useCallback, useContext, useEffect, useState } from 'react';
import { useLanguage } from '@/i18n/i18n';
import { usePreferences } from './preferences';

/** The zone of the workflow that a page is about. */
export const WorkflowZone = createContext<string | null>(null);

export function useZone(): string {
  const { zone = 'browser' } = usePreferences();
  const ofWorkflow = useContext(WorkflowZone);
  if (zone === 'utc') return 'UTC';
  if (zone === 'workflow') return ofWorkflow ?? 'UTC';
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formats as `2026-01-31 02:30:00`, with milliseconds when asked for. */
export function formatTime(at: string | number | Date, zone: string, digits: 0 | 3 = 0): string {
  const key = `${zone}/${digits}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      dateStyle: undefined,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: digits || undefined,
    } as Intl.DateTimeFormatOptions);
    formats.set(key, format);
  }
  return format.format(new Date(at)).replace(',', '.');
}

export function useFormatTime() {
  const zone = useZone();
  return useCallback((at: string | number | Date, digits: 0 | 3 = 0) => formatTime(at, zone, digits), [zone]);
}

const UNITS: [number, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
];

/** Formats as `350 ms`, `4.2 s`, `3m 20s`, `1h 5m`, `2d 3h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const parts: string[] = [];
  let rest = Math.floor(ms / 1000) * 1000;
  for (const [size, name] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count}${name}`);
  }
  return parts.slice(0, 2).filter((part) => !part.startsWith('0')).join(' ');
}

/** Formats as "3 minutes ago" or "in 2 hours", in the language of the page. */
export function useFormatRelative() {
  const { language } = useLanguage();
  return useCallback(
    (at: string | number, now: number) => {
      const delta = new Date(at).getTime() - now;
      const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
      const size = Math.abs(delta);
      if (size < 60_000) return format.format(Math.round(delta / 1000), 'second');
      if (size < 3_600_000) return format.format(Math.round(delta / 60_000), 'minute');
      if (size < 86_400_000 * 2) return format.format(Math.round(delta / 3_600_000), 'hour');
      return format.format(Math.round(delta / 86_400_000), 'day');
    },
    [language],
  );
}

/** The time now, again after each interval while it is given. */
export function useNow(intervalMs: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (intervalMs === null) return undefined;
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}
