import { Button } from 'antd';
import { useState } from 'react';

interface VerbButtonProps {
  testId: string;
  name: string;
  /** Why it cannot be used; null when it can. */
  obstacle: string | null;
  danger?: boolean;
  size?: 'small' | 'middle';
  onRun: () => Promise<unknown>;
}

/** A button that stays, disabled, where its verb cannot be used, and says why. */
export function VerbButton({ testId, name, obstacle, danger, size = 'middle', onRun }: VerbButtonProps) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await onRun().finally(() => setBusy(false));
  };
  return (
    <Button data-testid={testId} size={size} danger={danger && !obstacle} disabled={obstacle !== null} title={obstacle ?? undefined} loading={busy} onClick={() => void run()}>
      {name}
    </Button>
  );
}
