interface ValuesProps {
  title: string;
  values: Record<string, string>;
  /** What stands where there is none. */
  nothing: string;
}

export function Values({ title, values, nothing }: ValuesProps) {
  const entries = Object.entries(values);
  return (
    <section className="card">
      <header>
        <h3>{title}</h3>
      </header>
      {entries.length === 0 && <p className="muted">{nothing}</p>}
      <dl className="facts">
        {entries.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }} data-testid={`param-${name}`}>
            <dt>{name}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
