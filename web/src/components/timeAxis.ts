const STEPS_MS = [
  1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000,
  21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000, 2_592_000_000,
];
const MOST_TICKS = 9;

/** Returns the offset of a zone from UTC at a time, in milliseconds. */
function offsetOf(zone: string, at: number): number {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at);
  return Date.parse(`${text.replace(' ', 'T')}Z`) - Math.floor(at / 1000) * 1000;
}

/** Returns round times of the zone between two times, at most nine, with their texts. */
export function axisTicks(from: number, to: number, zone: string): { at: number; text: string }[] {
  const step = STEPS_MS.find((size) => (to - from) / size <= MOST_TICKS) ?? (to - from) / MOST_TICKS;
  const offset = offsetOf(zone, from);
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, ...tickForm(step) });
  const ticks = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to; at += step) {
    ticks.push({ at, text: format.format(at).replace(',', '.') });
  }
  return ticks;
}

function tickForm(step: number): Intl.DateTimeFormatOptions {
  if (step >= 86_400_000) return { month: '2-digit', day: '2-digit' };
  if (step >= 60_000) return { hour: '2-digit', minute: '2-digit' };
  if (step >= 1000) return { hour: '2-digit', minute: '2-digit', second: '2-digit' };
  return { minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 };
}
