import type { ReactNode } from 'react';

interface EmptyPanelProps {
  /** What to do first. */
  text: string;
  /** The button that does it. */
  children?: ReactNode;
}

export function EmptyPanel({ text, children }: EmptyPanelProps) {
  return (
    <div className="panel" data-testid="empty">
      <svg width="48" height="32" viewBox="0 0 48 32" aria-hidden="true" style={{ color: 'var(--line-strong)' }}>
        <path d="M2 22c5 0 5-5 10-5s5 5 10 5 5-5 10-5 5 5 10 5M2 29c5 0 5-4 10-4s5 4 10 4 5-4 10-4 5 4 10 4" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
      </svg>
      <span>{text}</span>
      {children}
    </div>
  );
}
