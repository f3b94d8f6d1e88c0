import type { Draft } from './history';

/** Unsaved changes of one document, kept by the browser over a reload. Documents hold no secrets. */
// eslint-disable-next-line no-restricted-globals -- It has to outlive the page, and no other module uses it.
const store = localStorage;

interface StoredDraft extends Draft {
  /** The version that it was made from. */
  tag: string | null;
}

function keyOf(project: string, workflow: string): string {
  return `porpoise-draft/${project}/${workflow}`;
}

export function readDraft(project: string, workflow: string): StoredDraft | null {
  const text = store.getItem(keyOf(project, workflow));
  if (!text) return null;
  const { groups = {}, ...rest } = JSON.parse(text) as Omit<StoredDraft, 'groups'> & { groups?: StoredDraft['groups'] };
  return { ...rest, groups };
}

export function keepDraft(project: string, workflow: string, draft: StoredDraft) {
  store.setItem(keyOf(project, workflow), JSON.stringify(draft));
}

export function dropDraft(project: string, workflow: string) {
  store.removeItem(keyOf(project, workflow));
}
