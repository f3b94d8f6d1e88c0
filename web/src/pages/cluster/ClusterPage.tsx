import { api, path, sendJson, type Schemas } from '@/api/client';
import { useConfirm } from '@/components/confirm';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { VerbButton } from '@/components/VerbButton';
import { useText } from '@/i18n/i18n';
import { useUser } from '@/app/user';
import { FailoverTable } from './FailoverTable';
import { Link } from '@tanstack/react-router';

const LOOK_MS = 5000;

export default function ClusterPage() {
  const text = useText();
  const cluster = api.useQuery('get', '/api/v1/cluster', {}, { refetchInterval: LOOK_MS });
  const nodes = api.useQuery('get', '/api/v1/nodes', { params: { query: { limit: 200 } } }, { refetchInterval: LOOK_MS });
  return (
    <Page title={text.nav.cluster}>
      <Loaded query={cluster} lines={2}>
        {(found) => <ClusterFacts cluster={found} />}
      </Loaded>
      <Loaded query={nodes}>
        {({ items }) => (
          <div className="node-cards">
            {items.map((node) => (
              <NodeCard key={node.incarnation} node={node} />
            ))}
          </div>
        )}
      </Loaded>
      <h2>{text.cluster.failovers}</h2>
      <FailoverTable />
    </Page>
  );
}

function ClusterFacts({ cluster }: { cluster: Schemas['ClusterView'] }) {
  const text = useText();
  return (
    <section className="card stack tight">
      <div className="fact-grid">
        <div>
          <div className="muted small">{text.cluster.mode}</div>
          {text.cluster.modes[cluster.mode as 'standalone']}
        </div>
        <div>
          <div className="muted small">{text.common.version}</div>
          {cluster.version}
        </div>
        <div>
          <div className="muted small">{text.cluster.database}</div>
          {cluster.database.backend} <span className="muted small mono">{cluster.database.schema_version}</span>
        </div>
        <div>
          <div className="muted small">{text.cluster.registry}</div>
          {cluster.registry.kind}
        </div>
        <div>
          <div className="muted small">{text.cluster.zoneData}</div>
          {cluster.zone_data}
        </div>
      </div>
      <div data-testid="degraded" data-count={cluster.degraded.length}>
        {cluster.degraded.length === 0 ? (
          <StateBadge state="active" title={text.cluster.healthy} />
        ) : (
          <ul className="list">
            {cluster.degraded.map((issue) => (
              <li key={issue.code}>
                <StateBadge state="attention" />
                <code>{issue.code}</code>
                <span className="grow">{issue.detail}</span>
                <Time at={issue.since} form="relative" />
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function NodeCard({ node }: { node: Schemas['NodeView'] }) {
  const text = useText();
  const confirm = useConfirm();
  const notices = useNotices();
  const role = useUser().role;
  const isWorker = node.roles.includes('worker');
  const full = node.slots.total > 0 ? node.slots.used / node.slots.total : 0;
  const obstacle = !['joining', 'active'].includes(node.state) ? text.cluster.notActive : role === 'member' ? text.verbs.needsPermission('operator') : null;
  const drain = async () => {
    const question = { title: text.cluster.drainTitle(node.name), body: <p>{text.cluster.drainHint}</p>, yes: text.cluster.drain, danger: true };
    if (!(await confirm(question))) return;
    try {
      await sendJson('POST', path`/api/v1/nodes/${node.incarnation}/drain`, {});
      notices.show('pending', text.cluster.draining(node.name));
    } catch (error) {
      notices.showError(error);
    }
  };
  return (
    <section className="card stack tight" data-testid={`node-card-${node.name}`} data-state={node.state}>
      <div className="row between">
        <h3>{node.name}</h3>
        <StateBadge state={node.state} />
      </div>
      <dl className="facts small">
        <dt>{text.cluster.host}</dt>
        <dd className="mono">{node.host}</dd>
        <dt>{text.cluster.roles}</dt>
        <dd>{node.roles.join(', ')}</dd>
        <dt>{text.cluster.incarnation}</dt>
        <dd>{node.incarnation}</dd>
        <dt>{text.cluster.owns}</dt>
        <dd>
          <Link to="/instances" search={{ host: node.host }}>
            {text.cluster.instances(node.instances)}
          </Link>
        </dd>
        <dt>{text.cluster.joined}</dt>
        <dd>
          <Time at={node.joined_at} form="relative" />
        </dd>
        <dt>{text.common.version}</dt>
        <dd>{node.version}</dd>
        {isWorker && (
          <>
            <dt>{text.cluster.group}</dt>
            <dd>{node.worker_group}</dd>
            <dt>{text.cluster.pressure}</dt>
            <dd>
              <Link to="/task-instances" search={{ worker: node.name, state: 'running' }}>
                {text.cluster.slots(node.slots.used, node.slots.total)}
              </Link>
            </dd>
          </>
        )}
      </dl>
      {isWorker && (
        <span className="progress" role="img" aria-label={text.cluster.slots(node.slots.used, node.slots.total)}>
          <span className={full >= 1 ? 'tone-wait' : 'tone-run'} style={{ width: `${100 * Math.min(full, 1)}%` }} />
        </span>
      )}
      <VerbButton testId="drain-button" size="small" name={text.cluster.drain} obstacle={obstacle} danger onRun={drain} />
    </section>
  );
}
