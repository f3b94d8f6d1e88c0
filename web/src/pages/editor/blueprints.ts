// The examples of the repository, to start a workflow from.
import { parse } from 'yaml';

export interface Blueprint {
  name: string;
  description: string;
  /** The types of its tasks, each once. */
  types: string[];
  source: string;
}

const files = import.meta.glob<string>('../../../../examples/*.yaml', { query: '?raw', import: 'default', eager: true });

interface ExampleDocument {
  name?: string;
  description?: string;
  tasks?: Record<string, { type?: string }>;
}

export const BLUEPRINTS: Blueprint[] = Object.values(files).flatMap((source) => {
  const { name, description = '', tasks } = parse(source) as ExampleDocument;
  if (!name || !tasks) return [];
  return [{ name, description, types: [...new Set(Object.values(tasks).map(({ type = '' }) => type))], source }];
});
