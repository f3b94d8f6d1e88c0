export interface LogLine {
  /** Where the line begins, in bytes of the file. */
  offset: number;
  text: string;
}

/** The part of a log that is loaded: whole lines from `start` to `end`, and an open one at the end. */
export interface LogWindow {
  start: number;
  end: number;
  lines: LogLine[];
  /** Whether the last line may continue. */
  open: boolean;
}

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Splits text that begins at an offset into lines. */
function splitLines(text: string, offset: number): { lines: LogLine[]; open: boolean } {
  const parts = text.split('\n');
  const open = parts.at(-1) !== '';
  if (!open) parts.pop();
  let at = offset;
  const lines = parts.map((part) => {
    const line = { offset: at, text: part };
    at += byteLength(part) + 1;
    return line;
  });
  return { lines, open };
}

/** Makes a window of one part. A line that the part cuts at its beginning is left out. */
export function windowOf(text: string, start: number, end: number): LogWindow {
  const cut = start > 0 ? text.indexOf('\n') + 1 : 0;
  const begin = start + byteLength(text.slice(0, cut));
  return { start: begin, end, ...splitLines(text.slice(cut), begin) };
}

/** Adds a part that begins at the end of the window, or before it. */
export function appendPart(window: LogWindow, text: string, offset: number, end: number): LogWindow {
  if (end <= window.end || offset > window.end) return window;
  const fresh = offset < window.end ? dropBytes(text, window.end - offset) : text;
  const last = window.open ? window.lines.at(-1) : undefined;
  const kept = last ? window.lines.slice(0, -1) : window.lines;
  const added = splitLines((last?.text ?? '') + fresh, last?.offset ?? window.end);
  return { start: window.start, end, lines: [...kept, ...added.lines], open: added.open };
}

/** Puts a part that ends where the window starts before it. */
export function prependPart(window: LogWindow, text: string, start: number): LogWindow {
  const before = windowOf(text, start, window.start);
  return { ...window, start: before.start, lines: [...before.lines, ...window.lines] };
}

function dropBytes(text: string, count: number): string {
  return new TextDecoder().decode(encoder.encode(text).slice(count));
}
