import { Link } from '@tanstack/react-router';
import { api, type Schemas } from '@/api/client';
import { Loaded } from '@/components/Loaded';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

/** Reasons of a change of owner that no user asked for. */
const BY_ITSELF = new Set(['failover', 'handover', 'restart']);

export function OwnershipTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/instances/{id}/ownership', { params: { path: { id: instance.id } } });
  return (
    <Loaded query={query}>
      {(ownership) => (
        <section className="card stack tight">
          <div className="row">
            <StateBadge state={ownership.state} />
            <span>{text.instance.ownedBy(ownership.host ?? '–', ownership.epoch)}</span>
          </div>
          <ol className="list" data-testid="ownership-timeline">
            {ownership.log.map((entry) => (
              <Entry key={entry.epoch} entry={entry} />
            ))}
          </ol>
        </section>
      )}
    </Loaded>
  );
}

function Entry({ entry }: { entry: Schemas['OwnerEntry'] }) {
  const text = useText();
  const reasons: Record<string, string> = text.ownerReasons;
  return (
    <li data-why={entry.why}>
      <span className="chip">
        {text.instance.epoch} {entry.epoch}
      </span>
      <strong>{reasons[entry.why] ?? entry.why}</strong>
      <span className="grow mono small">
        {entry.from_host && `${entry.from_host} → `}
        {entry.host}
      </span>
      {BY_ITSELF.has(entry.why) && <Link to="/cluster">{text.instance.showFailovers}</Link>}
      <span className="small">
        <Time at={entry.at} digits={3} />
      </span>
    </li>
  );
}
