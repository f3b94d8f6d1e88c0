import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { path, send } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { DocumentModel } from './document';

export interface EditorProblem {
  message: string;
  line: number | null;
  task: string | null;
}

/** Time after the last change before the server checks the document. */
const SETTLE_MS = 300;

/** What the server says of the document, while it is written. */
export function useProblems(project: string, source: string, model: DocumentModel): EditorProblem[] {
  const [settled, setSettled] = useState(source);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(source), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [source]);
  const { data = [] } = useQuery({
    queryKey: ['lint', project, settled],
    queryFn: () => lint(project, settled),
    placeholderData: keepPreviousData,
    gcTime: 10_000,
    retry: false,
  });
  return data.map(({ message, line, pointer }) => ({ message, line, task: taskOf(pointer, line, model) }));
}

async function lint(project: string, source: string) {
  const name = /^name:\s*["']?([^"'#\n]+?)["']?\s*(#.*)?$/m.exec(source)?.[1] ?? 'unnamed';
  try {
    await send('PUT', `${path`/api/v1/projects/${project}/workflows/${name}`}?dry_run=true`, { body: source, headers: { 'Content-Type': 'application/yaml' } });
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== 422) throw error;
    const details = error.details.length > 0 ? error.details : [{ message: error.message }];
    return details.map((detail) => ({ message: detail.message, line: detail.line ?? null, pointer: detail.pointer ?? null }));
  }
}

function taskOf(pointer: string | null, line: number | null, model: DocumentModel): string | null {
  const named = /^\/tasks\/([^/]+)/.exec(pointer ?? '')?.[1]?.replaceAll('~1', '/').replaceAll('~0', '~');
  if (named) return named;
  return model.tasks.find((task) => line !== null && line >= task.lines[0] && line <= task.lines[1])?.name ?? null;
}
