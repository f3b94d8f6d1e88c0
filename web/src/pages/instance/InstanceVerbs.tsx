import { Link, useNavigate } from '@tanstack/react-router';
import { path, send, type Schemas } from '@/api/client';
import { usePermission } from '@/app/usePermission';
import { useConfirm } from '@/components/confirm';
import { useNotices } from '@/components/notices';
import { VerbButton } from '@/components/VerbButton';
import { useText } from '@/i18n/i18n';
import { PriorityChoice } from './PriorityChoice';
import { useVerb } from './useVerb';
import { INSTANCE_VERBS, instanceObstacle } from './verbs';

export function InstanceVerbs({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const navigate = useNavigate();
  const confirm = useConfirm();
  const notices = useNotices();
  const runVerb = useVerb();
  const permission = usePermission(instance.project);
  const at = path`/api/v1/instances/${instance.id}`;

  const remove = async () => {
    const question = { title: text.verbs.ask.delete, body: text.verbs.effects.delete, yes: text.common.delete, danger: true };
    if (!(await confirm(question))) return;
    try {
      await send('DELETE', at);
      notices.show('applied', text.common.deleted(`#${instance.id}`));
      await navigate({ to: '/instances' });
    } catch (error) {
      notices.showError(error);
    }
  };
  return (
    <>
      {INSTANCE_VERBS.map((verb) => {
        const obstacle = instanceObstacle(verb, instance, permission, text);
        if (verb === 'priority') return <PriorityChoice key={verb} instance={instance} obstacle={obstacle} />;
        const danger = verb === 'stop' || verb === 'delete';
        const run = () => (verb === 'delete' ? remove() : runVerb(verb, at));
        return <VerbButton key={verb} testId={`verb-${verb}`} name={text.verbs.names[verb]} obstacle={obstacle} danger={danger} onRun={run} />;
      })}
      <Link
        to="/start/$project/$workflow"
        params={{ project: instance.project, workflow: instance.workflow }}
        search={{ like: instance.id }}
        data-testid="start-like"
      >
        {text.instance.startLike}
      </Link>
    </>
  );
}
