import { useEffect, type ReactNode } from 'react';
import { useText } from '@/i18n/i18n';

interface PageProps {
  title: string;
  /** What stands above the title: where it belongs to. */
  crumbs?: ReactNode;
  /** What stands beside the title. */
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, crumbs, aside, actions, children }: PageProps) {
  const text = useText();
  useEffect(() => {
    document.title = `${title} · ${text.nav.brand}`;
  }, [title, text]);
  return (
    <div className="stack">
      <div className="page-head">
        <div>
          {crumbs && <div className="crumbs">{crumbs}</div>}
          <div className="row">
            <h1>{title}</h1>
            {aside}
          </div>
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
