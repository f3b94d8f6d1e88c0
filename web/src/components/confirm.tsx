import { Button, Modal } from 'antd';
import { createContext, useCallback, useContext, useState, type ReactNode } from 'react';
import { useText } from '@/i18n/i18n';

export interface Question {
  title: string;
  /** What will happen. */
  body?: ReactNode;
  /** The word on the button that does it. */
  yes: string;
  danger?: boolean;
}

type Ask = (question: Question) => Promise<boolean>;

const ConfirmContext = createContext<Ask>(() => Promise.resolve(false));

/** Returns a function that asks and answers whether the user agreed. */
export function useConfirm(): Ask {
  return useContext(ConfirmContext);
}

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const text = useText();
  const [open, setOpen] = useState<{ question: Question; answer: (yes: boolean) => void } | null>(null);
  const ask = useCallback<Ask>((question) => new Promise((answer) => setOpen({ question, answer })), []);
  const answer = (yes: boolean) => {
    open?.answer(yes);
    setOpen(null);
  };
  return (
    <ConfirmContext value={ask}>
      {children}
      {open && (
        <Modal open title={open.question.title} footer={null} onCancel={() => answer(false)} closable={false} width={480}>
          <div className="stack" data-testid="confirm">
            {open.question.body}
            <div className="row" style={{ justifyContent: 'flex-end' }}>
              <Button data-testid="confirm-no" onClick={() => answer(false)}>
                {text.common.cancel}
              </Button>
              <Button data-testid="confirm-yes" type="primary" danger={open.question.danger} autoFocus onClick={() => answer(true)}>
                {open.question.yes}
              </Button>
            </div>
          </div>
        </Modal>
      )}
    </ConfirmContext>
  );
}
