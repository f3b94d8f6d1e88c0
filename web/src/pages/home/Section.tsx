import type { ReactNode } from 'react';

interface SectionProps {
  title: string;
  testId: string;
  aside?: ReactNode;
  children: ReactNode;
}

export function Section({ title, testId, aside, children }: SectionProps) {
  return (
    <section className="card" data-testid={testId}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
