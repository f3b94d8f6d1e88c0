export type Tone = 'ok' | 'bad' | 'run' | 'wait' | 'rest' | 'skip' | 'idle';

/** The tone and the icon of each state of instances, tasks, attempts, backfills, nodes, deliveries. */
const STATES: Record<string, [Tone, Icon]> = {
  queued: ['wait', 'queue'],
  running: ['run', 'turn'],
  pausing: ['wait', 'turn'],
  paused: ['rest', 'pause'],
  stopping: ['wait', 'turn'],
  stopped: ['rest', 'stop'],
  failed: ['bad', 'cross'],
  succeeded: ['ok', 'check'],
  pending: ['idle', 'circle'],
  delayed: ['wait', 'clock'],
  waiting: ['wait', 'queue'],
  dispatched: ['run', 'arrow'],
  waiting_retry: ['wait', 'again'],
  forced_success: ['ok', 'hand'],
  killed: ['bad', 'stop'],
  skipped: ['skip', 'skip'],
  not_run: ['idle', 'dash'],
  created: ['idle', 'circle'],
  lost: ['bad', 'question'],
  cancelled: ['rest', 'stop'],
  joining: ['wait', 'turn'],
  active: ['ok', 'check'],
  draining: ['wait', 'arrow'],
  left: ['rest', 'dash'],
  dead: ['bad', 'cross'],
  owned: ['ok', 'check'],
  moving: ['wait', 'turn'],
  unowned: ['rest', 'dash'],
  final: ['rest', 'check'],
  started: ['ok', 'check'],
  refused: ['bad', 'cross'],
  applied: ['ok', 'check'],
  enabled: ['ok', 'check'],
  disabled: ['rest', 'pause'],
  holding: ['run', 'arrow'],
  attention: ['bad', 'mark'],
  late: ['wait', 'clock'],
  delivered: ['ok', 'check'],
  silenced: ['rest', 'pause'],
  allowed: ['ok', 'check'],
  denied: ['bad', 'cross'],
};

export type Icon =
  | 'queue' | 'turn' | 'pause' | 'stop' | 'cross' | 'check' | 'circle' | 'clock' | 'arrow' | 'again'
  | 'hand' | 'skip' | 'dash' | 'question' | 'mark';

/** Strokes on a field of 16 by 16. */
export const ICONS: Record<Icon, string> = {
  queue: 'M4 3h8M4 13h8M5 3c0 4 6 6 6 10M11 3c0 4-6 6-6 10',
  turn: 'M13.5 8a5.5 5.5 0 1 1-2-4.2M11.8 1.5v2.6H9.2',
  pause: 'M6 4v8M10 4v8',
  stop: 'M4.5 4.5h7v7h-7z',
  cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  check: 'M3.5 8.5l3 3 6-7',
  circle: 'M8 3.5a4.5 4.5 0 1 0 .01 0z',
  clock: 'M8 2.5a5.5 5.5 0 1 0 .01 0zM8 5v3.2l2.2 1.3',
  arrow: 'M3 8h9M8.5 4.5L12 8l-3.5 3.5',
  again: 'M3 8a5 5 0 1 1 1.6 3.7M3 12.5V9.5h3',
  hand: 'M3.5 8.5l3 3 6-7M3 14h10',
  skip: 'M3 4l4 4-4 4M8 4l4 4-4 4M13.5 4v8',
  dash: 'M4 8h8',
  question: 'M5.5 6a2.5 2.5 0 1 1 3.5 2.2c-.7.4-1 .8-1 1.6M8 12.6v.2',
  mark: 'M8 3v6M8 12.4v.2',
};

export function toneOf(state: string): Tone {
  return STATES[state]?.[0] ?? 'idle';
}

export function iconOf(state: string): Icon {
  return STATES[state]?.[1] ?? 'circle';
}

export const INSTANCE_STATES = ['queued', 'running', 'pausing', 'paused', 'stopping', 'stopped', 'failed', 'succeeded'];

export const TASK_STATES = [
  'pending', 'delayed', 'waiting', 'dispatched', 'running', 'waiting_retry', 'succeeded', 'forced_success', 'failed',
  'killed', 'skipped', 'not_run',
];

const FINAL = new Set(['stopped', 'failed', 'succeeded']);

export function isFinal(state: string): boolean {
  return FINAL.has(state);
}

/** The states of the letters of a grid. */
export const GRID_LETTERS: Record<string, string> = {
  p: 'pending',
  y: 'delayed',
  w: 'waiting',
  d: 'dispatched',
  r: 'running',
  t: 'waiting_retry',
  s: 'succeeded',
  o: 'forced_success',
  f: 'failed',
  k: 'killed',
  x: 'skipped',
  n: 'not_run',
};
