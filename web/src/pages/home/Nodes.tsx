import { Link } from '@tanstack/react-router';
import { api } from '@/api/client';
import { Loaded } from '@/components/Loaded';
import { StateBadge } from '@/components/StateBadge';
import { useText } from '@/i18n/i18n';
import { Section } from './Section';

export function Nodes() {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/nodes', { params: { query: { limit: 200 } } });
  const link = (
    <Link to="/cluster" className="small">
      {text.nav.cluster}
    </Link>
  );
  return (
    <Section title={text.home.nodes} testId="home-nodes" aside={link}>
      <Loaded query={query} lines={2}>
        {({ items }) => (
          <ul className="list">
            {items
              .filter((node) => node.state !== 'left')
              .map((node) => (
                <li key={node.incarnation}>
                  <StateBadge state={node.state} />
                  <span className="grow">
                    {node.name} <span className="muted small mono">{node.host}</span>
                  </span>
                  <span className="muted small">{node.roles.join(', ')}</span>
                  <span className="small">{text.cluster.slots(node.slots.used, node.slots.total)}</span>
                  <span className="small">{text.cluster.instances(node.instances)}</span>
                </li>
              ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}
