/** Returns the beginning of the day of `now` in a zone, as the API takes it. */
export function startOfToday(zone: string, now: number): string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const [hour = 0, minute = 0, second = 0] = format.format(now).split(':').map(Number);
  const passed = ((hour * 60 + minute) * 60 + second) * 1000 + (now % 1000);
  return new Date(now - passed).toISOString();
}
