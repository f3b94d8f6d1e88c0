import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { send } from '@/api/client';
import { keepToken, safeNext } from '@/api/session';
import { queries } from '@/app/router';
import { usePageSearch } from '@/app/routing';

/** Signs in by a request that answers with a cookie, and leads to `next`. */
export function useSignIn(path: string) {
  const navigate = useNavigate();
  const { next } = usePageSearch();
  return useMutation({
    mutationFn: async (body: Record<string, string>) => {
      const response = await send('POST', path, {
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', 'Porpoise-Session': 'cookie' },
      });
      const answer = (await response.json()) as { token?: string };
      keepToken(answer.token ?? null);
      // Nothing of the user before stays. Queries are reset, not removed: the frame of the page observes some.
      await queries.resetQueries();
      await navigate({ href: safeNext(next), replace: true });
    },
  });
}
