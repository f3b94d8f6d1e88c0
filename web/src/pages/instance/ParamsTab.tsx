import type { Schemas } from '@/api/client';
import { useText } from '@/i18n/i18n';
import { Values } from './Values';

export function ParamsTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  return (
    <div className="columns">
      <Values title={text.instance.params} values={instance.params} nothing={text.instance.noParams} />
      <Values title={text.instance.outputs} values={instance.outputs} nothing={text.instance.noOutputs} />
    </div>
  );
}
