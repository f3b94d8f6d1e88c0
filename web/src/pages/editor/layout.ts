// Where tasks are drawn, and in which groups.
import type { Draft, Places, TaskGroups } from './history';

/** The name of a group that does not exist yet. */
export function freeGroupName(groups: TaskGroups, wanted: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!(name in groups)) return name;
  }
}

/** Tasks as a group of their own: they leave those that they were in. */
export function withGroup(groups: TaskGroups, name: string, tasks: string[]): TaskGroups {
  return withoutEmpty({ ...mapTasks(groups, (members) => members.filter((task) => !tasks.includes(task))), [name]: tasks });
}

export function withoutGroup(groups: TaskGroups, name: string): TaskGroups {
  return Object.fromEntries(Object.entries(groups).filter(([group]) => group !== name));
}

/** A group under another name; a name that is taken or empty changes nothing. */
export function renamedGroup(groups: TaskGroups, from: string, to: string): TaskGroups {
  if (!to || to in groups) return groups;
  return Object.fromEntries(Object.entries(groups).map(([name, tasks]) => [name === from ? to : name, tasks]));
}

/** The layout after a task got another name. */
export function renamedInLayout({ places, groups }: Draft, from: string, to: string): { places: Places; groups: TaskGroups } {
  return {
    places: Object.fromEntries(Object.entries(places).map(([name, place]) => [name === from ? to : name, place])),
    groups: mapTasks(groups, (tasks) => tasks.map((task) => (task === from ? to : task))),
  };
}

/** What is stored of a layout: tasks that are gone are left out. */
export function storedLayout({ places, groups }: Draft, names: string[]): { layout: Places; groups: TaskGroups } {
  return {
    layout: Object.fromEntries(Object.entries(places).filter(([name]) => names.includes(name))),
    groups: withoutEmpty(mapTasks(groups, (tasks) => tasks.filter((task) => names.includes(task)))),
  };
}

function mapTasks(groups: TaskGroups, change: (tasks: string[]) => string[]): TaskGroups {
  return Object.fromEntries(Object.entries(groups).map(([name, tasks]) => [name, change(tasks)]));
}

function withoutEmpty(groups: TaskGroups): TaskGroups {
  return Object.fromEntries(Object.entries(groups).filter(([, tasks]) => tasks.length > 0));
}
