import { useQuery } from '@tanstack/react-query';
import { sendJson, type Schemas } from '@/api/client';
import type { JsonSchema } from '@/api/jsonSchema';

export type TaskTypeSchema = Omit<Schemas['TaskType'], 'schema'> & { schema: JsonSchema };

export function useTaskTypes(): TaskTypeSchema[] {
  const { data } = useQuery({
    queryKey: ['task-types'],
    queryFn: () => sendJson<{ items: TaskTypeSchema[] }>('GET', '/api/v1/task-types?limit=200'),
    staleTime: 600_000,
  });
  return data?.items ?? [];
}

/** The least fields of a new task of a type: what its schema requires. */
export function newTaskFields({ name, schema }: TaskTypeSchema): Record<string, unknown> {
  const fields: Record<string, unknown> = { type: name };
  for (const required of schema.required ?? []) {
    if (required !== 'type') fields[required] = exampleOf(required, schema.properties?.[required] ?? {});
  }
  return fields;
}

function exampleOf(name: string, schema: JsonSchema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const type = [schema.type].flat()[0];
  if (type === 'object') {
    const entries = (schema.required ?? []).map((key) => [key, exampleOf(key, schema.properties?.[key] ?? {})]);
    return Object.fromEntries(entries);
  }
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return true;
  if (name === 'url') return 'http://127.0.0.1/';
  return name === 'run' ? 'echo hello\n' : '';
}
