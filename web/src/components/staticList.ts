import type { ListResult } from '@/api/useList';

/** Rows that are there already, as a list. */
export function staticList<T>(rows: T[]): ListSource<T> {
  return { rows, error: null, hasNextPage: false, isFetchingNextPage: false, fetchNextPage: nothing, refetch: nothing };
}

function nothing() {
  return undefined;
}

/** What a table needs of a list. */
export type ListSource<T> = Pick<ListResult<T>, 'rows' | 'error' | 'hasNextPage' | 'isFetchingNextPage'> & {
  fetchNextPage: () => unknown;
  refetch: () => unknown;
};
