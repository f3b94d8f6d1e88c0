import { readProblem } from '@/api/problem';
import { basePath, endSession, sessionHeaders } from '@/api/session';
import { EventParser, type StreamEvent } from './eventParser';

export type LiveState = 'live' | 'reconnecting' | 'off';

/** Pauses between attempts to connect, in milliseconds; the last one repeats. */
const PAUSES = [250, 500, 1000, 2000];
/** Silence after which a connection counts as broken: the server sends a comment more often. */
const SILENCE_MS = 30_000;
/** Time in which changes of topics are collected before the stream opens again. */
const SETTLE_MS = 30;

/** The one event stream of this tab. Pages add topics while they are shown. */
export class LiveStream {
  private topics = new Map<string, number>();
  private listeners = new Set<(event: StreamEvent) => void>();
  private stateListeners = new Set<() => void>();
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastId: string | null = null;
  private failures = 0;
  private started = false;
  state: LiveState = 'off';

  start() {
    this.started = true;
    this.reopen(0);
  }

  stop() {
    this.started = false;
    clearTimeout(this.timer);
    this.abort?.abort();
    this.lastId = null;
    this.setState('off');
  }

  /** Receives the events of these topics until the returned function is called. */
  addTopics(names: string[]): () => void {
    for (const name of names) this.topics.set(name, (this.topics.get(name) ?? 0) + 1);
    this.reopen(SETTLE_MS);
    return () => {
      for (const name of names) {
        const count = (this.topics.get(name) ?? 1) - 1;
        if (count > 0) this.topics.set(name, count);
        else this.topics.delete(name);
      }
      this.reopen(SETTLE_MS);
    };
  }

  onEvent(listener: (event: StreamEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onState = (listener: () => void): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  private setState(state: LiveState) {
    if (this.state === state) return;
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }

  private reopen(delay: number) {
    if (!this.started) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.open(), delay);
  }

  private async open() {
    this.abort?.abort();
    if (this.topics.size === 0) return;
    const abort = new AbortController();
    this.abort = abort;
    try {
      await this.read(abort);
    } catch (error) {
      if (abort.signal.aborted && this.abort !== abort) return;
      if (!this.started) return;
      console.debug('event stream', error);
    }
    if (this.abort !== abort || !this.started) return;
    this.setState('reconnecting');
    this.reopen(PAUSES[Math.min(this.failures++, PAUSES.length - 1)] ?? 2000);
  }

  private async read(abort: AbortController) {
    const headers: Record<string, string> = { ...sessionHeaders('GET'), Accept: 'text/event-stream' };
    if (this.lastId) headers['Last-Event-ID'] = this.lastId;
    const topics = [...this.topics.keys()].map(encodeURIComponent).join(',');
    const url = `${basePath}/api/v1/stream?topics=${topics}`;
    const response = await fetch(url, { headers, signal: abort.signal, credentials: 'same-origin' });
    if (response.status === 401) endSession();
    if (!response.ok || !response.body) throw await readProblem(response);
    this.failures = 0;
    this.setState('live');
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      for (const event of parser.push(value)) this.emit(event);
    }
  }

  private emit(event: StreamEvent) {
    if (event.id) this.lastId = event.id;
    for (const listener of this.listeners) listener(event);
  }
}

export const liveStream = new LiveStream();
