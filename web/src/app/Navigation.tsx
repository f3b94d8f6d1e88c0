import { Link } from '@tanstack/react-router';
import { useText } from '@/i18n/i18n';
import { PAGES } from './navigation';
import { useIsAdmin } from './user';

export function Navigation() {
  const text = useText();
  const admin = useIsAdmin();
  return (
    <nav className="shell-nav" aria-label={text.nav.label}>
      {PAGES.map((group) => (
        <div key={group.name ?? ''}>
          {group.name && <h2>{text.nav[group.name]}</h2>}
          {group.pages
            .filter((page) => admin || !page.admin)
            .map((page) => (
              <Link key={page.path} to={page.path} activeOptions={{ exact: page.path === '/', includeSearch: false }}>
                {text.nav[page.name]}
              </Link>
            ))}
        </div>
      ))}
    </nav>
  );
}
