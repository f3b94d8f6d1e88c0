import { Link, useLocation } from '@tanstack/react-router';
import { useText } from '@/i18n/i18n';
import { PAGES } from './navigation';
import { useIsAdmin } from './user';

export function Navigation() {
  const text = useText();
  const admin = useIsAdmin();
  const { pathname } = useLocation();
  return (
    <nav className="shell-nav" aria-label={text.nav.label}>
      {PAGES.map((group) => (
        <div key={group.name ?? ''}>
          {group.name && <h2>{text.nav[group.name]}</h2>}
          {group.pages
            .filter((page) => admin || !page.admin)
            .map((page) => (
              <Link key={page.path} to={page.path} aria-current={isCurrent(page.path, pathname) ? 'page' : undefined} activeOptions={{ exact: true, includeSearch: false }}>
                {text.nav[page.name]}
              </Link>
            ))}
        </div>
      ))}
    </nav>
  );
}

/** Whether a page of the navigation is, or holds, the page at a path. */
function isCurrent(page: string, path: string): boolean {
  if (page === '/workflows' && /^\/(start\/|projects\/[^/]+\/(workflows\/|new$))/.test(path)) return true;
  if (page === '/projects' && /^\/projects\/[^/]+\/(workflows\/|new$)/.test(path)) return false;
  return page === '/' ? path === '/' : path === page || path.startsWith(`${page}/`);
}
