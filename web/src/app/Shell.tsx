import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useText } from '@/i18n/i18n';
import { useLiveQueries, useTopics } from '@/live/useLive';
import { CommandPalette } from './CommandPalette';
import { LiveIndicator } from './LiveIndicator';
import { Navigation } from './Navigation';
import { Shortcuts } from './Shortcuts';
import { UserMenu } from './UserMenu';
import { useKeys } from './useKeys';

/** What stands around every page of a user who is signed in. */
export function Shell() {
  const text = useText();
  const keys = useKeys();
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  useTopics('instances', 'nodes');
  useLiveQueries();
  useEffect(() => {
    main.current?.scrollTo(0, 0);
  }, [pathname]);
  return (
    <div className="shell">
      <a className="skip-link" href="#main" onClick={() => main.current?.focus()}>
        {text.nav.skip}
      </a>
      <Link to="/" className="shell-brand">
        <img src="./favicon.svg" width={24} height={24} alt="" />
        {text.nav.brand}
      </Link>
      <header className="shell-bar">
        <button className="plain search" onClick={() => keys.setPalette(true)}>
          {text.palette.open}
          <kbd>{text.palette.keys}</kbd>
        </button>
        <span className="space" />
        <LiveIndicator />
        <UserMenu onShortcuts={() => keys.setShortcuts(true)} />
      </header>
      <Navigation />
      <main className="shell-main" id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      {keys.palette && <CommandPalette onClose={() => keys.setPalette(false)} />}
      {keys.shortcuts && <Shortcuts onClose={() => keys.setShortcuts(false)} />}
    </div>
  );
}
