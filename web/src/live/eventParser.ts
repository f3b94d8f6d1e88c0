export interface StreamEvent {
  id: string | null;
  name: string;
  data: string;
}

/** Cuts server-sent events out of text that arrives in pieces. */
export class EventParser {
  private rest = '';

  push(text: string): StreamEvent[] {
    // A carriage return at the end may be the first half of a line end, and stays for the next piece.
    const all = this.rest + text;
    const whole = all.endsWith('\r') ? all.slice(0, -1) : all;
    const blocks = whole.replaceAll('\r\n', '\n').split('\n\n');
    this.rest = (blocks.pop() ?? '') + all.slice(whole.length);
    return blocks.map(parseBlock).filter((event) => event !== null);
  }
}

function parseBlock(block: string): StreamEvent | null {
  const event: StreamEvent = { id: null, name: 'message', data: '' };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id') event.id = value;
    if (field === 'event') event.name = value;
    if (field === 'data') data.push(value);
  }
  if (data.length === 0) return null;
  return { ...event, data: data.join('\n') };
}
