export type Places = Record<string, [number, number]>;
/** Tasks that are drawn as one group, by its name. */
export type TaskGroups = Record<string, string[]>;

/** What the editor edits: the document, and where its tasks are drawn. */
export interface Draft {
  text: string;
  places: Places;
  groups: TaskGroups;
}

export interface History {
  past: Draft[];
  present: Draft;
  future: Draft[];
  /** The time of the last change by typing; null after any other. */
  typedAt: number | null;
}

export type Action =
  | { kind: 'load'; draft: Draft }
  | { kind: 'change'; draft: Draft }
  | { kind: 'type'; text: string; at: number }
  | { kind: 'undo' }
  | { kind: 'redo' };

const STEPS = 1000;
/** Keys that follow each other faster are one step. */
const TYPING_MS = 500;

export function sameDraft(a: Draft, b: Draft): boolean {
  return a.text === b.text && a.places === b.places && a.groups === b.groups;
}

export function startHistory(draft: Draft): History {
  return { past: [], present: draft, future: [], typedAt: null };
}

export function reduceHistory(history: History, action: Action): History {
  const { past, present, future, typedAt } = history;
  switch (action.kind) {
    case 'load':
      return startHistory(action.draft);
    case 'change':
      if (sameDraft(action.draft, present)) return history;
      return { past: [...past, present].slice(-STEPS), present: action.draft, future: [], typedAt: null };
    case 'type': {
      const next = { ...present, text: action.text };
      const continues = typedAt !== null && action.at - typedAt < TYPING_MS;
      return { past: continues ? past : [...past, present].slice(-STEPS), present: next, future: [], typedAt: action.at };
    }
    case 'undo': {
      const before = past.at(-1);
      return before ? { past: past.slice(0, -1), present: before, future: [present, ...future], typedAt: null } : history;
    }
    case 'redo': {
      const [next, ...rest] = future;
      return next ? { past: [...past, present], present: next, future: rest, typedAt: null } : history;
    }
  }
}
