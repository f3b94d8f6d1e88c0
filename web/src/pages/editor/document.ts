// Changes of a workflow document as text. Comments and order stay, and nothing but what is named changes.
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { keepLines } from './keepLines';

export interface TaskModel {
  name: string;
  type: string;
  needs: { task: string; on: string }[];
  /** The lines of the task, from 1. */
  lines: [number, number];
}

export interface DocumentModel {
  name: string;
  tasks: TaskModel[];
  /** What is wrong with the YAML itself. */
  error: string | null;
}

type Fields = Record<string, unknown>;

export function parseModel(source: string): DocumentModel {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, merge: true });
  const name = document.get('name');
  const error = document.errors[0]?.message ?? null;
  const tasks = tasksOf(document)?.items.map((pair) => taskModel(pair as Pair, counter)) ?? [];
  return { name: typeof name === 'string' ? name : '', tasks, error };
}

function tasksOf(document: Document): YAMLMap | null {
  const tasks = document.get('tasks');
  return isMap(tasks) ? tasks : null;
}

function nameOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

function taskModel(pair: Pair, counter: LineCounter): TaskModel {
  const value = pair.value;
  const type = isMap(value) ? value.get('type') : undefined;
  const needs = isMap(value) ? value.get('needs') : undefined;
  const from = isScalar(pair.key) && pair.key.range ? counter.linePos(pair.key.range[0]).line : 1;
  const range = isMap(value) || isScalar(value) ? value.range : null;
  return {
    name: nameOf(pair),
    type: typeof type === 'string' ? type : '',
    needs: isSeq(needs) ? needs.items.map(needModel).filter((need) => need !== null) : [],
    lines: [from, range ? counter.linePos(Math.max(range[0], range[1] - 1)).line : from],
  };
}

function needModel(item: unknown): { task: string; on: string } | null {
  if (isScalar(item)) return { task: String(item.value), on: 'succeeded' };
  if (!isMap(item)) return null;
  return { task: String(item.get('task')), on: String(item.get('on') ?? 'succeeded') };
}

/** Changes a document that can be parsed; another one stays as it is. */
function change(source: string, edit: (document: Document, tasks: YAMLMap) => void): string {
  const document = parseDocument(source);
  if (document.errors.length > 0) return source;
  if (!isMap(document.contents)) document.contents = document.createNode({ version: 1, name: 'workflow' }) as never;
  let tasks = tasksOf(document);
  if (!tasks) {
    document.set('tasks', document.createNode({}));
    tasks = tasksOf(document) as YAMLMap;
  }
  if (tasks.items.length === 0) tasks.flow = false;
  // A sequence that stands at the column of its key stays there.
  const form = { lineWidth: 0, indentSeq: !/^( *)[^\s#-][^\n]*:\n\1- /m.test(source) };
  const before = document.toString(form);
  edit(document, tasks);
  return keepLines(source, before, document.toString(form));
}

function taskMap(tasks: YAMLMap, name: string): YAMLMap | null {
  const found = tasks.items.find((pair) => nameOf(pair as Pair) === name)?.value;
  return isMap(found) ? found : null;
}

/** A name that no task has yet. */
export function freeName(model: DocumentModel, wanted: string): string {
  const names = new Set(model.tasks.map((task) => task.name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!names.has(name)) return name;
  }
}

export function addTask(source: string, name: string, fields: Fields): string {
  return change(source, (document, tasks) => tasks.add(document.createPair(name, fields)));
}

export function removeTasks(source: string, names: string[]): string {
  return change(source, (_, tasks) => {
    tasks.items = tasks.items.filter((pair) => !names.includes(nameOf(pair as Pair)));
    for (const pair of tasks.items) {
      if (isMap(pair.value)) for (const name of names) removeNeed(pair.value, name);
    }
  });
}

export function renameTask(source: string, from: string, to: string): string {
  return change(source, (_, tasks) => {
    for (const pair of tasks.items as Pair[]) {
      if (nameOf(pair) === from && isScalar(pair.key)) pair.key.value = to;
      const needs = isMap(pair.value) ? pair.value.get('needs') : undefined;
      for (const item of isSeq(needs) ? needs.items : []) {
        if (isScalar(item) && item.value === from) item.value = to;
        if (isMap(item) && item.get('task') === from) item.set('task', to);
      }
    }
  });
}

export function connect(source: string, from: string, to: string): string {
  return change(source, (document, tasks) => {
    const task = taskMap(tasks, to);
    if (!task || from === to) return;
    const needs = task.get('needs');
    if (isSeq(needs)) {
      if (!needs.items.some((item) => needModel(item)?.task === from)) needs.add(document.createNode(from));
      return;
    }
    const list = document.createNode([from]) as YAMLSeq;
    list.flow = true;
    task.set('needs', list);
  });
}

export function disconnect(source: string, from: string, to: string): string {
  return change(source, (_, tasks) => {
    const task = taskMap(tasks, to);
    if (task) removeNeed(task, from);
  });
}

function removeNeed(task: YAMLMap, name: string) {
  const needs = task.get('needs');
  if (!isSeq(needs)) return;
  needs.items = needs.items.filter((item) => needModel(item)?.task !== name);
  if (needs.items.length === 0) task.delete('needs');
}

/** Sets a field of a task by its path; `undefined` takes it away, and what is empty then with it. */
export function setField(source: string, task: string, path: string[], value: unknown): string {
  return change(source, (document) => {
    const at = ['tasks', task, ...path];
    if (value !== undefined) {
      document.setIn(at, document.createNode(value));
      return;
    }
    document.deleteIn(at);
    for (let depth = at.length - 1; depth > 2; depth--) {
      const parent = document.getIn(at.slice(0, depth));
      if (!isMap(parent) || parent.items.length > 0) break;
      document.deleteIn(at.slice(0, depth));
    }
  });
}

/** The fields of a task as values. */
export function taskFields(source: string, name: string): Fields {
  const document = parseDocument(source, { merge: true });
  const tasks = tasksOf(document);
  const task = tasks && taskMap(tasks, name);
  return task ? ((task.toJS(document) ?? {}) as Fields) : {};
}

/** Tasks as a document of their own, for the clipboard. */
export function copyTasks(source: string, names: string[]): string {
  const document = parseDocument(source);
  const tasks = tasksOf(document);
  if (!tasks) return '';
  tasks.items = tasks.items.filter((pair) => names.includes(nameOf(pair as Pair)));
  const copy = parseDocument('tasks: {}');
  copy.set('tasks', tasks);
  return copy.toString({ lineWidth: 0 });
}

/** Adds the tasks of a copied text under free names; edges among them stay. */
export function pasteTasks(source: string, copied: string): { text: string; names: string[] } {
  const document = parseDocument(copied);
  const tasks = document.errors.length === 0 && isMap(document.contents) ? tasksOf(document) : null;
  if (!tasks) return { text: source, names: [] };
  const fields = (tasks.toJS(document) ?? {}) as Record<string, Fields>;
  const renamed = new Map<string, string>();
  let text = source;
  for (const [name, task] of Object.entries(fields)) {
    const fresh = freeName(parseModel(text), name);
    renamed.set(name, fresh);
    const rest = { ...task };
    delete rest.needs;
    text = addTask(text, fresh, rest);
  }
  for (const [name, task] of Object.entries(fields)) {
    for (const need of Array.isArray(task.needs) ? (task.needs as unknown[]) : []) {
      const wanted = typeof need === 'string' ? need : (need as { task?: string }).task;
      const from = renamed.get(wanted ?? '');
      if (from) text = connect(text, from, renamed.get(name) ?? name);
    }
  }
  return { text, names: [...renamed.values()] };
}
