import { Link } from '@tanstack/react-router';
import { api } from '@/api/client';
import { InstanceLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { Section } from './Section';

export function WaitingForPerson() {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/approvals', { params: { query: { limit: 6 } } });
  const link = (
    <Link to="/approvals" className="small">
      {text.common.showAll}
    </Link>
  );
  return (
    <Section title={text.home.approvals} testId="home-approvals" aside={link}>
      <Loaded query={query} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="muted">{text.home.nothingToApprove}</p>
          ) : (
            <ul className="list">
              {items.map((approval) => (
                <li key={`${approval.instance}/${approval.task}`}>
                  <InstanceLink id={approval.instance} search={{ task: approval.task }} />
                  <span className="grow">{approval.message}</span>
                  <span className="muted small">
                    <Time at={approval.since} form="relative" />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}
