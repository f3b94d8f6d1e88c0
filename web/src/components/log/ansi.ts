export interface Span {
  text: string;
  /** The colour by its name of CSS variables, `0` to `15`; absent for the default. */
  colour?: number;
  bold?: boolean;
}

const SEQUENCE = /\u001b\[([0-9;]*)([A-Za-z])|\u001b\][^\u0007]*\u0007|[\u0000-\u0008\u000b-\u001a\u001c-\u001f]/g;

/** Splits a line into spans of one colour. Sequences that are no colours are left out. */
export function parseAnsi(line: string): Span[] {
  const spans: Span[] = [];
  let style: Omit<Span, 'text'> = {};
  let at = 0;
  const push = (text: string) => {
    if (text) spans.push({ text, ...style });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    push(line.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === 'm') style = nextStyle(style, match[1] ?? '');
  }
  push(line.slice(at));
  return spans;
}

function nextStyle(style: Omit<Span, 'text'>, codes: string): Omit<Span, 'text'> {
  let next = { ...style };
  for (const code of (codes || '0').split(';').map(Number)) {
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 22) delete next.bold;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 82;
    else if (code === 39) delete next.colour;
  }
  return next;
}
