import { useQueryClient } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { useState } from 'react';
import { path, sendJson, type Schemas } from '@/api/client';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';

/** What people want to remember about an instance. */
export function InstanceNote({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const queries = useQueryClient();
  const notices = useNotices();
  const [draft, setDraft] = useState<string | null>(null);
  const save = async () => {
    try {
      await sendJson('PATCH', path`/api/v1/instances/${instance.id}`, { note: draft || null });
      setDraft(null);
      await queries.invalidateQueries({ queryKey: ['get', '/api/v1/instances/{id}'] });
    } catch (error) {
      notices.showError(error);
    }
  };
  if (draft === null) {
    return (
      <div className="row">
        {instance.note && <span data-testid="instance-note">{instance.note}</span>}
        <Button size="small" type="dashed" onClick={() => setDraft(instance.note ?? '')}>
          {instance.note ? text.common.edit : text.instance.addNote}
        </Button>
      </div>
    );
  }
  return (
    <div className="row">
      <Input
        style={{ maxWidth: 520 }}
        aria-label={text.instance.note}
        data-testid="field-note"
        autoFocus
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onPressEnter={() => void save()}
      />
      <Button type="primary" onClick={() => void save()}>
        {text.common.save}
      </Button>
      <Button onClick={() => setDraft(null)}>{text.common.cancel}</Button>
    </div>
  );
}
