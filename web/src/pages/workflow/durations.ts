import type { Schemas } from '@/api/client';

export interface DurationBar {
  id: string;
  state: string;
  /** From creation to the first task, in milliseconds. */
  queued: number;
  running: number;
}

export function durationBars(instances: Schemas['Instance'][]): DurationBar[] {
  return instances
    .filter((instance) => instance.started_at && instance.ended_at)
    .map(({ id, state, created_at: created, started_at: started, ended_at: ended }) => ({
      id,
      state,
      queued: Math.max(0, Date.parse(started ?? '') - Date.parse(created)),
      running: Math.max(0, Date.parse(ended ?? '') - Date.parse(started ?? '')),
    }))
    .reverse();
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
