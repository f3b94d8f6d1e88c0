import { keepPreviousData, useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { useMemo } from 'react';
import { sendJson } from './client';

type QueryValue = string | number | boolean | string[] | undefined;

export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

export interface ListOptions {
  path?: Record<string, string>;
  query?: Record<string, QueryValue>;
  enabled?: boolean;
  /** Time after which it is read again, for what no event announces. */
  refreshMs?: number;
}

/** Fills `{name}` in a path of the API. */
export function fillPath(template: string, params: Record<string, string> = {}): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

export function queryText(query: Record<string, QueryValue>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== '') params.append(key, String(one));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

/** A list of the API, page after page. Its key begins like those of `api.useQuery`, so that events reach both. */
export function useList<T>(template: string, { path, query = {}, enabled, refreshMs }: ListOptions = {}) {
  const result = useInfiniteQuery<ListPage<T>, Error, InfiniteData<ListPage<T>>, unknown[], string | undefined>({
    queryKey: ['get', template, { params: { path, query } }, 'pages'],
    queryFn: ({ pageParam }) => sendJson('GET', fillPath(template, path) + queryText({ ...query, cursor: pageParam })),
    initialPageParam: undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    enabled,
    refetchInterval: refreshMs,
  });
  const rows = useMemo(() => result.data?.pages.flatMap((page) => page.items), [result.data]);
  return { ...result, rows };
}

export type ListResult<T> = ReturnType<typeof useList<T>>;
