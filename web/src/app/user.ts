import { useQuery } from '@tanstack/react-query';
import { sendJson } from '@/api/client';

export interface User {
  name: string;
  role: 'admin' | 'operator' | 'member';
}

export const userQuery = {
  queryKey: ['user'],
  queryFn: () => sendJson<User>('GET', '/api/v1/users/me'),
  staleTime: 60_000,
};

/** The user who is signed in. Pages that need one are shown only then. */
export function useUser(): User {
  const { data } = useQuery({ ...userQuery, enabled: false });
  return data ?? { name: '', role: 'member' };
}

export function useIsAdmin(): boolean {
  return useUser().role === 'admin';
}
