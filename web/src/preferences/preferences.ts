import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { sendJson } from '@/api/client';

export type Language = 'en' | 'zh';
export type Theme = 'light' | 'dark' | 'system';
export type Zone = 'browser' | 'utc' | 'workflow';

/** What a user chose; kept on the server. */
export interface Preferences {
  language?: Language;
  theme?: Theme;
  zone?: Zone;
  /** `PROJECT/NAME` of workflows. */
  favourites?: string[];
  /** Searches of lists, by the list's path. */
  filters?: Record<string, { name: string; search: string }[]>;
  /** Hidden columns, by the table. */
  hidden?: Record<string, string[]>;
  /** Groups of graphs that are collapsed, by workflow. */
  collapsed?: Record<string, string[]>;
}

const PATH = '/api/v1/users/me/preferences';
const KEY = ['preferences'];

export function browserLanguage(): Language {
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** The preferences of the user who is signed in; empty before. */
export function usePreferences(): Preferences {
  // A signed-out page has none and asks for none: `RequireUser` fills the query.
  const { data } = useQuery<Preferences>({ queryKey: KEY, queryFn: fetchPreferences, enabled: false });
  return data ?? {};
}

export function fetchPreferences(): Promise<Preferences> {
  return sendJson<Preferences>('GET', PATH);
}

export const preferencesQuery = { queryKey: KEY, queryFn: fetchPreferences };

/** Returns a function that stores a change. Other members stay as they are, also those that this version does not know. */
export function useChangePreferences() {
  const queries = useQueryClient();
  const { mutate } = useMutation({
    scope: { id: 'preferences' },
    mutationFn: async (change: Partial<Preferences>) => {
      const next = { ...queries.getQueryData<Preferences>(KEY), ...change };
      await sendJson('PUT', PATH, next);
      return next;
    },
    onMutate: (change) => queries.setQueryData(KEY, (old: Preferences | undefined) => ({ ...old, ...change })),
    onError: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return useCallback((change: Partial<Preferences>) => mutate(change), [mutate]);
}

export function useFavourites() {
  const { favourites = [] } = usePreferences();
  const change = useChangePreferences();
  return useMemo(
    () => ({
      has: (name: string) => favourites.includes(name),
      toggle: (name: string) =>
        change({ favourites: favourites.includes(name) ? favourites.filter((other) => other !== name) : [...favourites, name] }),
    }),
    [favourites, change],
  );
}
