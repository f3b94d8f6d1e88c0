import { Link } from '@tanstack/react-router';
import { useText } from '@/i18n/i18n';
import { PROJECT_PARTS } from '@/app/navigation';

/** Links to what a project has. */
export function ProjectLinks({ project }: { project: string }) {
  const text = useText();
  return (
    <span className="row">
      <Link to="/workflows" search={{ project }}>
        {text.nav.workflows}
      </Link>
      {PROJECT_PARTS.map((part) => (
        <Link key={part} to={`/projects/$project/${part}`} params={{ project }}>
          {text.projects[part]}
        </Link>
      ))}
    </span>
  );
}
