import { Link } from '@tanstack/react-router';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { useParam } from '@/app/routing';
import { useWriteObstacle } from '@/app/usePermission';
import { ResourcePage } from '@/components/ResourcePage';
import { useText } from '@/i18n/i18n';

type Calendar = Schemas['Calendar'];

function dates(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter(Boolean);
}

/** The calendars of a project, or those that all projects share. */
export default function CalendarsPage() {
  const text = useText();
  const project = useParam('project');
  const obstacle = useWriteObstacle(project);
  const at = (name: string) => (project ? path`/api/v1/projects/${project}/calendars/${name}` : path`/api/v1/calendars/${name}`);
  return (
    <ResourcePage<Calendar>
      noun="calendar"
      title={project ? text.projects.calendarsOf(project) : text.nav.sharedCalendars}
      crumbs={project && <Link to="/projects/$project/settings" params={{ project }}>{project}</Link>}
      listPath={project ? '/api/v1/projects/{project}/calendars' : '/api/v1/calendars'}
      path={project ? { project } : undefined}
      nameOf={(row) => row.name}
      empty={text.projects.noCalendars}
      obstacle={obstacle}
      isFixed={(row) => Boolean(project) && (row as { shared?: boolean }).shared === true}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'description', title: text.common.description, render: (row) => row.description },
        { key: 'days', title: text.projects.days, render: (row) => text.projects.dayChoices[row.days as 'all'] },
        { key: 'exclude', title: text.projects.exclude, render: (row) => <span className="clamp">{row.exclude.join(', ')}</span> },
        { key: 'include', title: text.projects.include, render: (row) => <span className="clamp">{row.include.join(', ')}</span> },
        { key: 'timezone', title: text.common.timezone, render: (row) => row.timezone ?? '–' },
      ]}
      fields={(row) => [
        { name: 'name', label: text.common.name, required: true, fixed: row !== null },
        { name: 'description', label: text.common.description },
        { name: 'days', label: text.projects.days, kind: 'choice', choices: (['all', 'weekdays'] as const).map((value) => ({ value, label: text.projects.dayChoices[value] })) },
        { name: 'exclude', label: text.projects.exclude, kind: 'area', hint: text.projects.datesHint },
        { name: 'include', label: text.projects.include, kind: 'area', hint: text.projects.datesHint },
        { name: 'timezone', label: text.common.timezone, hint: 'Europe/Berlin' },
      ]}
      valuesOf={(row) => ({
        name: row?.name ?? '',
        description: row?.description ?? '',
        days: row?.days ?? 'all',
        exclude: row?.exclude.join('\n') ?? '',
        include: row?.include.join('\n') ?? '',
        timezone: row?.timezone ?? '',
      })}
      save={({ name = '', description, days, exclude, include, timezone }) =>
        sendJson('PUT', at(name), { description, days, exclude: dates(exclude), include: dates(include), timezone: timezone || null })
      }
      remove={(row) => send('DELETE', at(row.name))}
    />
  );
}
