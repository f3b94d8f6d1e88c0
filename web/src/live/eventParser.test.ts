import { expect, test } from 'vitest';
import { EventParser } from './eventParser';

test('events are cut wherever the pieces end', () => {
  const text = 'id: 7\nevent: transition\ndata: {"a":\ndata: 1}\n\n: keep-alive\n\nevent: nodes\r\ndata: []\r\n\r\n';
  for (let size = 1; size < text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
    expect(events).toEqual([
      { id: '7', name: 'transition', data: '{"a":\n1}' },
      { id: null, name: 'nodes', data: '[]' },
    ]);
  }
});
