import { useEffect, useState } from 'react';
import { isWithinPicture, type View } from './geometry';

/** Rest after which the picture is painted again where the view stands. */
const STILL_MS = 120;

/**
 * Returns the view that the picture is painted for. While the view moves, the picture is moved as a whole, which costs
 * nothing; it is painted again when the view rests, or when it leaves what the picture covers.
 */
export function useSettledView(view: View, size: { width: number; height: number }): View {
  const [settled, setSettled] = useState(view);
  const isCovered = isWithinPicture(view, settled, size.width, size.height);
  useEffect(() => {
    if (view === settled) return undefined;
    const timer = setTimeout(() => setSettled(view), isCovered ? STILL_MS : 0);
    return () => clearTimeout(timer);
  }, [view, settled, isCovered]);
  return settled;
}
