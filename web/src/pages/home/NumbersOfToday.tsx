import { Link } from '@tanstack/react-router';
import { api } from '@/api/client';
import { Loaded } from '@/components/Loaded';
import { useText } from '@/i18n/i18n';
import { useNow, useZone } from '@/preferences/time';
import { startOfToday } from './today';

/** States that are shown though no instance has them. */
const ALWAYS = ['succeeded', 'failed', 'running', 'queued'];

export function NumbersOfToday() {
  const text = useText();
  const words: Record<string, string> = text.states;
  const from = startOfToday(useZone(), useNow(60_000));
  const query = api.useQuery('get', '/api/v1/statistics', { params: { query: { from, by: 'state' } } });
  return (
    <section data-testid="home-numbers" aria-label={text.home.numbers}>
      <Loaded query={query} lines={2}>
        {({ items }) => {
          const counts = new Map(items.map((item) => [item.key, item.total]));
          const total = items.reduce((sum, item) => sum + item.total, 0);
          const states = [...ALWAYS, ...[...counts.keys()].filter((state) => !ALWAYS.includes(state))];
          return (
            <div className="numbers">
              <Link className="number" to="/instances" search={{ created_from: from }}>
                {text.home.today}
                <strong>{total}</strong>
              </Link>
              {states.map((state) => (
                <Link key={state} className="number" to="/instances" search={{ state, created_from: from }} data-state={state}>
                  {words[state] ?? state}
                  <strong>{counts.get(state) ?? 0}</strong>
                </Link>
              ))}
            </div>
          );
        }}
      </Loaded>
    </section>
  );
}
