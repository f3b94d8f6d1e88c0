import { Link } from '@tanstack/react-router';
import { useText } from '@/i18n/i18n';

export function NotFound() {
  const text = useText();
  return (
    <div className="panel" data-testid="not-found">
      <h1>{text.common.notFound}</h1>
      <p>{text.common.notFoundHint}</p>
      <Link to="/">{text.nav.home}</Link>
    </div>
  );
}
