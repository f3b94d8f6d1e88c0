import type { FormEvent, ReactNode } from 'react';
import { useText } from '@/i18n/i18n';

interface GateProps {
  title: string;
  onSubmit: () => void;
  children: ReactNode;
}

/** The frame of pages before a user is signed in. */
export function Gate({ title, onSubmit, children }: GateProps) {
  const text = useText();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <main className="gate">
      <form className="card stack" onSubmit={submit}>
        <div className="brand">
          <img src="./favicon.svg" width={36} height={36} alt="" />
          <div>
            <h1>{title}</h1>
            <span className="muted small">{text.nav.brand}</span>
          </div>
        </div>
        {children}
      </form>
    </main>
  );
}
