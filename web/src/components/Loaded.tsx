import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { isMissing } from '@/api/problem';
import { ErrorPanel } from './ErrorPanel';
import { Loading } from './Loading';
import { NotFound } from './NotFound';

interface LoadedProps<T> {
  query: UseQueryResult<T, unknown>;
  /** What a page shows of a thing that does not exist or may not be seen. */
  missing?: 'page' | 'error';
  lines?: number;
  children: (data: T) => ReactNode;
}

/** Shows data once they are there. After a failed refresh the last ones stay. */
export function Loaded<T>({ query, missing = 'error', lines, children }: LoadedProps<T>) {
  if (query.data !== undefined && !isMissing(query.error)) return children(query.data);
  if (query.error && missing === 'page' && isMissing(query.error)) return <NotFound />;
  if (query.error) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading lines={lines} />;
}
