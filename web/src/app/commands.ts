import { client } from '@/api/client';
import type { Texts } from '@/i18n/en';
import { PAGES, PROJECT_PARTS } from './navigation';
import type { Search } from './search';

export interface Command {
  id: string;
  title: string;
  kind: string;
  path: string;
  search?: Search;
}

/** Results of one kind at most. */
const MOST = 8;

/** Finds what the palette offers for a text: an instance by its id first, then pages, workflows and tasks. */
export async function findCommands(input: string, text: Texts, admin: boolean): Promise<Command[]> {
  const has = (name: string) => name.toLowerCase().includes(input.toLowerCase());
  const pages = PAGES.flatMap((group) => group.pages)
    .filter((page) => (admin || !page.admin) && has(text.nav[page.name]))
    .map((page) => ({ id: page.path, title: text.nav[page.name], kind: text.palette.page, path: page.path }));
  const projects = await listProjects();
  const workflows = await listWorkflows(projects);
  const found = workflows.filter((workflow) => has(`${workflow.project}/${workflow.name}`)).slice(0, MOST);
  return [
    ...instanceCommands(input, text),
    ...pages.slice(0, input ? MOST : 5),
    ...found.flatMap((workflow) => workflowCommands(workflow, text)),
    ...(input ? projects.flatMap((project) => projectCommands(project, text)).filter(({ title }) => has(title)).slice(0, MOST) : []),
    ...taskCommands(input, text),
  ];
}

function instanceCommands(input: string, text: Texts): Command[] {
  if (!/^#?\d+$/.test(input)) return [];
  const id = input.replace('#', '');
  return [{ id: `instance-${id}`, title: `#${id}`, kind: text.palette.instance, path: `/instances/${id}` }];
}

function workflowCommands({ project, name }: { project: string; name: string }, text: Texts): Command[] {
  const at = `${encodeURIComponent(project)}/${encodeURIComponent(name)}`;
  const [owner, workflow] = at.split('/');
  return [
    { id: at, title: `${project}/${name}`, kind: text.palette.workflow, path: `/projects/${owner}/workflows/${workflow}` },
    { id: `start-${at}`, title: `${text.workflows.run}: ${project}/${name}`, kind: text.palette.action, path: `/start/${at}` },
  ];
}

function taskCommands(input: string, text: Texts): Command[] {
  if (input.length < 2 || /^#?\d+$/.test(input)) return [];
  return [{ id: 'task', title: input, kind: text.palette.task, path: '/task-instances', search: { task: input } }];
}

function projectCommands(project: string, text: Texts): Command[] {
  const at = `/projects/${encodeURIComponent(project)}`;
  const parts = PROJECT_PARTS.map((part) => ({ title: `${project}: ${text.projects[part]}`, path: `${at}/${part}` }));
  return [{ title: `${project}: ${text.palette.settings}`, path: `${at}/settings` }, ...parts].map((command) => ({ ...command, id: command.path, kind: text.palette.page }));
}

async function listProjects(): Promise<string[]> {
  const { data } = await client.GET('/api/v1/projects', { params: { query: { limit: 200 } } });
  return (data?.items ?? []).map(({ name }) => name);
}

async function listWorkflows(projects: string[]): Promise<{ project: string; name: string }[]> {
  const lists = await Promise.all(
    projects.map(async (project) => {
      const { data } = await client.GET('/api/v1/projects/{project}/workflows', {
        params: { path: { project }, query: { limit: 200 } },
      });
      return (data?.items ?? []).map(({ name }) => ({ project, name }));
    }),
  );
  return lists.flat();
}
