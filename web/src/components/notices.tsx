import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { ProblemError, problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';
import { StateIcon } from './StateIcon';
import { toneOf } from './states';

export type Outcome = 'applied' | 'pending' | 'refused' | 'failed';

interface Notice {
  id: number;
  outcome: Outcome;
  text: string;
}

export interface Notices {
  show: (outcome: Outcome, text: string) => void;
  /** Shows what the server said of a request that failed. */
  showError: (error: unknown) => void;
}

const NoticeContext = createContext<Notices>({ show: () => undefined, showError: () => undefined });

/** Time that a notice of success stays; what went wrong stays until it is closed. */
const STAY_MS = 6000;
const MOST = 4;

export function useNotices(): Notices {
  return useContext(NoticeContext);
}

export function NoticeProvider({ children }: { children: ReactNode }) {
  const text = useText();
  const [notices, setNotices] = useState<Notice[]>([]);
  const nextId = useRef(0);
  const close = useCallback((id: number) => setNotices((all) => all.filter((notice) => notice.id !== id)), []);
  const show = useCallback(
    (outcome: Outcome, words: string) => {
      const id = nextId.current++;
      setNotices((all) => [...all, { id, outcome, text: words }].slice(-MOST));
      if (outcome === 'applied' || outcome === 'pending') setTimeout(() => close(id), STAY_MS);
    },
    [close],
  );
  const value = useMemo<Notices>(
    () => ({ show, showError: (error) => show(outcomeOfError(error), problemText(error)) }),
    [show],
  );
  return (
    <NoticeContext value={value}>
      {children}
      <div className="notices" aria-live="polite">
        {notices.map((notice) => (
          <div key={notice.id} className={`notice tone-${toneOf(notice.outcome)}`} data-testid="notice" data-outcome={notice.outcome}>
            <StateIcon state={notice.outcome} />
            <span>
              <strong>{text.outcomes[notice.outcome]}</strong> {notice.text}
            </span>
            <button className="plain" aria-label={text.common.close} onClick={() => close(notice.id)}>
              ✕
            </button>
          </div>
        ))}
      </div>
    </NoticeContext>
  );
}

/** The server refuses what it understood (4xx); anything else is a failure. */
function outcomeOfError(error: unknown): Outcome {
  return error instanceof ProblemError && error.status < 500 ? 'refused' : 'failed';
}
