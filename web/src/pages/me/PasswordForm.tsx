import { Button } from 'antd';
import { useState } from 'react';
import { sendJson } from '@/api/client';
import { FormField } from '@/components/FormField';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';

export function PasswordForm() {
  const text = useText();
  const notices = useNotices();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const save = async () => {
    try {
      await sendJson('POST', '/api/v1/users/me/password', { current, new: next });
      notices.show('applied', text.auth.passwordChanged);
      setCurrent('');
      setNext('');
    } catch (error) {
      notices.showError(error);
    }
  };
  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h2>{text.auth.changePassword}</h2>
      <FormField spec={{ name: 'current', label: text.auth.currentPassword, kind: 'password' }} value={current} onChange={setCurrent} />
      <FormField spec={{ name: 'new', label: text.auth.newPassword, kind: 'password', required: true }} value={next} onChange={setNext} />
      <div>
        <Button htmlType="submit" type="primary" data-testid="password-save" disabled={!next}>
          {text.common.save}
        </Button>
      </div>
    </form>
  );
}
