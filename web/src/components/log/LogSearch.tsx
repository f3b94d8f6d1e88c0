import { useState, type FormEvent } from 'react';
import { sendJson, type Schemas } from '@/api/client';
import { useText } from '@/i18n/i18n';
import { useNotices } from '../notices';
import { logPath, type LogPosition } from './useLog';

/** Searches the whole log on the server, and jumps to a found line. */
export function LogSearch({ position, onJump }: { position: LogPosition; onJump: (offset: number) => void }) {
  const text = useText();
  const notices = useNotices();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Schemas['FoundLine'][] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const search = async (from: string | null) => {
    try {
      const more = from ? `&cursor=${encodeURIComponent(from)}` : '';
      const page = await sendJson<Schemas['List_FoundLine']>('GET', `${logPath(position)}/search?limit=50&q=${encodeURIComponent(query)}${more}`);
      setFound((old) => [...(from ? (old ?? []) : []), ...page.items]);
      setCursor(page.next_cursor ?? null);
    } catch (error) {
      notices.showError(error);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (query) void search(null);
    else setFound(null);
  };
  return (
    <form className="log-search" role="search" onSubmit={submit}>
      <input
        className="native"
        type="search"
        data-testid="log-search"
        aria-label={text.log.search}
        placeholder={text.log.search}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          if (!event.target.value) setFound(null);
        }}
      />
      {found && (
        <ul className="log-found" data-testid="log-found">
          {found.map((line) => (
            <li key={line.offset}>
              <button type="button" className="plain mono" onClick={() => onJump(line.offset)}>
                {line.line}
              </button>
            </li>
          ))}
          {found.length === 0 && <li className="muted">{text.log.nothingFound}</li>}
          {cursor && (
            <li>
              <button type="button" className="plain link" onClick={() => void search(cursor)}>
                {text.common.more}
              </button>
            </li>
          )}
        </ul>
      )}
    </form>
  );
}
