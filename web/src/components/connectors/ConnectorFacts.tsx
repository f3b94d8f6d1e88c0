import type { ReactNode } from 'react';

interface ConnectorFactsProps {
  name: string;
  facts: [string, string][];
  /** What stands below the fields. */
  children?: ReactNode;
}

/** The fields of a connection or a channel that are set. */
export function ConnectorFacts({ name, facts, children }: ConnectorFactsProps) {
  return (
    <section className="card stack" data-testid="connector-facts">
      <h2>{name}</h2>
      <dl className="facts">
        {facts.map(([label, value]) => (
          <div key={label} style={{ display: 'contents' }}>
            <dt>{label}</dt>
            <dd style={{ whiteSpace: 'pre-wrap' }}>{value}</dd>
          </div>
        ))}
      </dl>
      {children}
    </section>
  );
}
