import { useCallback, useEffect, useRef, useState, type PointerEvent, type RefObject } from 'react';
import { zoomAt, type View } from './geometry';

/** A press that moves less than this is a click. */
const CLICK_PX = 4;

/** Pans by the pointer and the arrow keys, zooms by the wheel and by `+` and `-`. */
export function useGraphView(frame: RefObject<HTMLDivElement | null>, onClick: (x: number, y: number) => void) {
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const [size, setSize] = useState({ width: 0, height: 0 });
  const press = useRef<{ x: number; y: number; view: View; moved: boolean } | null>(null);

  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    // React listens to the wheel passively, so that the page would scroll.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      setView((old) => zoomAt(old, Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('wheel', onWheel);
    };
  }, [frame]);

  const onPointerDown = useCallback(
    (event: PointerEvent) => {
      if (event.button !== 0) return;
      press.current = { x: event.clientX, y: event.clientY, view, moved: false };
    },
    [view],
  );
  const onPointerMove = useCallback((event: PointerEvent) => {
    const start = press.current;
    if (!start || event.buttons === 0) return;
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    if (!start.moved && Math.hypot(dx, dy) < CLICK_PX) return;
    if (!start.moved) event.currentTarget.setPointerCapture(event.pointerId);
    start.moved = true;
    setView({ ...start.view, x: start.view.x + dx, y: start.view.y + dy });
  }, []);
  const onPointerUp = (event: PointerEvent) => {
    const start = press.current;
    press.current = null;
    const box = frame.current?.getBoundingClientRect();
    if (start && !start.moved && box) onClick(event.clientX - box.left, event.clientY - box.top);
  };
  return { view, setView, size, handlers: { onPointerDown, onPointerMove, onPointerUp } };
}
