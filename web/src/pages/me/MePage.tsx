import { Page } from '@/components/Page';
import { Switches } from '@/app/Switches';
import { useUser } from '@/app/user';
import { useText } from '@/i18n/i18n';
import { TokenList } from '@/pages/admin/TokenList';
import { PasswordForm } from './PasswordForm';

export default function MePage() {
  const text = useText();
  const user = useUser();
  return (
    <Page title={text.nav.me} aside={<span className="chip">{text.roles[user.role]}</span>}>
      <div className="columns" data-testid="me-form">
        <section className="card menu-like">
          <header>
            <h2>{user.name}</h2>
          </header>
          <Switches />
        </section>
        <PasswordForm />
      </div>
      <h2>{text.nav.tokens}</h2>
      <TokenList />
    </Page>
  );
}
