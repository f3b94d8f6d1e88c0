import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';
import { sendJson } from '@/api/client';
import { keepToken } from '@/api/session';
import { useNotices } from '@/components/notices';
import { liveStream } from '@/live/liveStream';

export function useSignOut() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const notices = useNotices();
  return useCallback(async () => {
    try {
      await sendJson('POST', '/api/v1/auth/logout');
    } catch (error) {
      notices.showError(error);
      return;
    }
    keepToken(null);
    liveStream.stop();
    await navigate({ to: '/login' });
    await queries.resetQueries();
  }, [queries, navigate, notices]);
}
