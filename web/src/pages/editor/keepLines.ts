/** Lines of a changed part beyond which it is not compared line by line. */
const MOST = 3000;

/**
 * Takes the lines of the source for all lines that a change left as they were.
 *
 * Writing YAML again normalises blanks. `before` is the source written again, `after` the changed document: where a line
 * of both is the same, the line of the source stands.
 */
export function keepLines(source: string, before: string, after: string): string {
  const original = source.split('\n');
  const old = before.split('\n');
  const fresh = after.split('\n');
  if (original.length !== old.length) return after;
  const kept = matchLines(old, fresh);
  return fresh.map((line, index) => (kept[index] === undefined ? line : (original[kept[index]] ?? line))).join('\n');
}

/** For each line of `fresh` the line of `old` that it is, in the same order. */
function matchLines(old: string[], fresh: string[]): (number | undefined)[] {
  const kept = new Array<number | undefined>(fresh.length).fill(undefined);
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) kept[start] = start++;
  let ends = 0;
  while (ends < old.length - start && ends < fresh.length - start && old[old.length - 1 - ends] === fresh[fresh.length - 1 - ends]) {
    kept[fresh.length - 1 - ends] = old.length - 1 - ends;
    ends++;
  }
  const rows = old.length - start - ends;
  const columns = fresh.length - start - ends;
  if (rows === 0 || columns === 0 || rows > MOST || columns > MOST) return kept;
  // The longest common subsequence of the middle.
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      const same = old[start + row] === fresh[start + column];
      const down = lengths[(row + 1) * width + column] ?? 0;
      const right = lengths[row * width + column + 1] ?? 0;
      lengths[row * width + column] = same ? (lengths[(row + 1) * width + column + 1] ?? 0) + 1 : Math.max(down, right);
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns; ) {
    if (old[start + row] === fresh[start + column]) kept[start + column++] = start + row++;
    else if ((lengths[(row + 1) * width + column] ?? 0) >= (lengths[row * width + column + 1] ?? 0)) row++;
    else column++;
  }
  return kept;
}
