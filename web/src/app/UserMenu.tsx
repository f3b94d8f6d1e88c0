import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useText } from '@/i18n/i18n';
import { useSignOut } from './useSignOut';
import { Switches } from './Switches';
import { useUser } from './user';

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const text = useText();
  const user = useUser();
  const signOut = useSignOut();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('keydown', close);
    };
  }, [open]);
  return (
    <div ref={root} style={{ position: 'relative' }}>
      <button className="plain row tight" data-testid="user-menu" aria-expanded={open} aria-haspopup="true" onClick={() => setOpen(!open)}>
        {user.name} <span aria-hidden="true">▾</span>
      </button>
      {open && (
        <div className="menu">
          <Link to="/me" onClick={() => setOpen(false)}>
            {text.nav.me}
          </Link>
          <button
            className="plain"
            onClick={() => {
              setOpen(false);
              onShortcuts();
            }}
          >
            {text.shortcuts.title}
          </button>
          <hr />
          <Switches />
          <hr />
          <button className="plain" data-testid="logout" onClick={() => void signOut()}>
            {text.auth.logout}
          </button>
        </div>
      )}
    </div>
  );
}
