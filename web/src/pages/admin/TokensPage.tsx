import { useText } from '@/i18n/i18n';
import { Page } from '@/components/Page';
import { TokenList } from './TokenList';

export default function TokensPage() {
  const text = useText();
  return (
    <Page title={text.nav.tokens}>
      <TokenList />
    </Page>
  );
}
