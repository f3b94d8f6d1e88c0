import { NODE_HEIGHT, NODE_WIDTH } from './geometry';

const COLUMN = NODE_WIDTH + 40;
const LAYER = NODE_HEIGHT + 40;

/** Places names in layers: each stands below those that an arrow comes from. A circle has places too. */
export function layerPlaces(names: string[], arrows: [string, string][]): Map<string, [number, number]> {
  const layer = new Map(names.map((name) => [name, 0]));
  // Without a circle, the longest path has fewer steps than there are names.
  for (let round = 0, moved = true; moved && round < names.length; round++) {
    moved = false;
    for (const [above, below] of arrows) {
      const least = (layer.get(above) ?? 0) + 1;
      if (!layer.has(below) || (layer.get(below) ?? 0) >= least || least > names.length) continue;
      layer.set(below, least);
      moved = true;
    }
  }
  const widths = new Map<number, number>();
  for (const at of layer.values()) widths.set(at, (widths.get(at) ?? 0) + 1);
  const used = new Map<number, number>();
  return new Map(
    names.map((name) => {
      const at = layer.get(name) ?? 0;
      const place = used.get(at) ?? 0;
      used.set(at, place + 1);
      // Layers are centred above each other.
      return [name, [(place - ((widths.get(at) ?? 1) - 1) / 2) * COLUMN, at * LAYER]];
    }),
  );
}
