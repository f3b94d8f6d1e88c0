import { useCallback, useEffect, useRef, useState } from 'react';
import { path, send } from '@/api/client';
import { useLiveEvents, useTopics } from '@/live/useLive';
import type { StreamEvent } from '@/live/eventParser';
import { appendPart, byteLength, prependPart, windowOf, type LogWindow } from './logWindow';

/** Bytes of one part. */
const PART = 256 * 1024;
const TAIL = 64 * 1024;

export interface LogPosition {
  id: string;
  task: string;
  attempt: number;
}

export function logPath({ id, task, attempt }: LogPosition): string {
  return path`/api/v1/instances/${id}/tasks/${task}/attempts/${attempt}/log`;
}

interface Part {
  text: string;
  start: number;
  end: number;
  size: number;
}

async function readPart(at: string, query: string): Promise<Part> {
  const response = await send('GET', `${at}?${query}`);
  const text = await response.text();
  const end = Number(response.headers.get('Porpoise-Next-Offset') ?? 0);
  const size = Number(response.headers.get('Porpoise-Log-Size') ?? end);
  return { text, end, size, start: Math.max(0, end - byteLength(text)) };
}

/** A log, from its end, or from an offset on; earlier and later parts are read when wanted. */
export function useLog(position: LogPosition, from: number | null) {
  const at = logPath(position);
  const [log, setLog] = useState<LogWindow | null>(null);
  const [size, setSize] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const busy = useRef(false);

  const open = useCallback(
    async (offset: number | null) => {
      try {
        const part = await readPart(at, offset === null ? `tail=${TAIL}` : `offset=${offset}&limit=${PART}`);
        const start = offset ?? part.start;
        setLog(offset === null ? windowOf(part.text, start, part.end) : fromLine(part.text, start, part.end));
        setSize(part.size);
        setError(null);
      } catch (problem) {
        setError(problem);
      }
    },
    [at],
  );
  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- The state is set once the server answers.
    void open(from);
  }, [open, from]);

  const topic = log ? `log:${position.id}/${position.task}/${position.attempt}` : '';
  const first = useFirst(log?.end);
  useTopics(...(topic && first !== undefined ? [`${topic}@${first}`] : []));
  const onEvent = useCallback(
    (event: StreamEvent) => {
      if (event.name !== 'log') return;
      const data = JSON.parse(event.data) as { topic: string; text: string; offset: number; next_offset: number };
      if (!data.topic.startsWith(topic)) return;
      setSize((old) => Math.max(old, data.next_offset));
      setLog((old) => old && appendPart(old, data.text, data.offset, data.next_offset));
    },
    [topic],
  );
  useLiveEvents(onEvent);

  const readEarlier = async () => {
    if (!log || log.start === 0 || busy.current) return 0;
    busy.current = true;
    try {
      const start = Math.max(0, log.start - PART);
      const part = await readPart(at, `offset=${start}&limit=${log.start - start}`);
      const next = prependPart(log, part.text, start);
      // Another part may have been opened meanwhile.
      setLog((now) => (now?.start === log.start ? { ...now, start: next.start, lines: [...next.lines.slice(0, next.lines.length - log.lines.length), ...now.lines] } : now));
      return next.lines.length - log.lines.length;
    } catch (problem) {
      setError(problem);
      return 0;
    } finally {
      busy.current = false;
    }
  };
  const readLater = async () => {
    if (!log || log.end >= size || busy.current) return;
    busy.current = true;
    try {
      const part = await readPart(at, `offset=${log.end}&limit=${PART}`);
      setLog((now) => now && appendPart(now, part.text, log.end, part.end));
      setSize(part.size);
    } catch (problem) {
      setError(problem);
    } finally {
      busy.current = false;
    }
  };
  return { log, size, error, open, readEarlier, readLater };
}

/** A part from an offset that begins a line. */
function fromLine(text: string, start: number, end: number): LogWindow {
  return appendPart({ start, end: start, lines: [], open: false }, text, start, end);
}

/** The first value that was there: the topic keeps its offset while the log grows. */
function useFirst(value: number | undefined): number | undefined {
  const [first, setFirst] = useState(value);
  if (first === undefined && value !== undefined) setFirst(value);
  return first;
}
