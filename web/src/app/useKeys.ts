import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { PAGES } from './navigation';

/** Time within which the second key of a pair is pressed. */
const PAIR_MS = 1500;

const targets = new Map(PAGES.flatMap((group) => group.pages).map((page) => [page.key, page.path]));

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** The keys that work on every page; `j`, `k` and `v` are left to what is shown. */
export function useKeys() {
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [shortcuts, setShortcuts] = useState(false);
  const prefixAt = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setPalette(true);
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const target = event.timeStamp - prefixAt.current < PAIR_MS ? targets.get(event.key) : undefined;
      prefixAt.current = event.key === 'g' ? event.timeStamp : -PAIR_MS;
      if (target) void navigate({ to: target });
      else if (event.key === '?') setShortcuts(true);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate]);
  return { palette, setPalette, shortcuts, setShortcuts };
}

/** Calls `action` when a key is pressed outside of fields. */
export function useKey(key: string, action: () => void) {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      latest.current();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [key]);
}
