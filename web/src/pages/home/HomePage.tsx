import { Page } from '@/components/Page';
import { useText } from '@/i18n/i18n';
import { FailingNow } from './FailingNow';
import { HomeTimeline } from './HomeTimeline';
import { LateNow } from './LateNow';
import { Nodes } from './Nodes';
import { NumbersOfToday } from './NumbersOfToday';
import { WaitingForPerson } from './WaitingForPerson';

export default function HomePage() {
  const text = useText();
  return (
    <Page title={text.nav.home}>
      <NumbersOfToday />
      <div className="columns">
        <FailingNow />
        <LateNow />
        <WaitingForPerson />
      </div>
      <HomeTimeline />
      <Nodes />
    </Page>
  );
}
