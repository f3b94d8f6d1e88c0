import { Page } from '@/components/Page';
import { useText } from '@/i18n/i18n';
import { RuleList } from './RuleList';

export default function ServerRulesPage() {
  const text = useText();
  return (
    <Page title={text.nav.serverRules}>
      <p className="muted">{text.rules.serverHint}</p>
      <RuleList project="" />
    </Page>
  );
}
