import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { Search } from './search';

/** A parameter of the path; empty where the path has none of that name. */
export function useParam(name: string): string {
  const params = useParams({ strict: false }) as Record<string, string | undefined>;
  return params[name] ?? '';
}

export function usePageSearch(): Search {
  return useSearch({ strict: false }) as Search;
}

/** Returns a function that changes members of the search and keeps the others. */
export function useChangeSearch() {
  const navigate = useNavigate();
  return useCallback(
    (change: Search) =>
      void navigate({ to: '.', search: ((old: Search) => ({ ...old, ...change })) as never, replace: true, resetScroll: false }),
    [navigate],
  );
}
