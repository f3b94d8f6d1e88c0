import { Modal } from 'antd';
import { useText } from '@/i18n/i18n';
import { PAGES } from './navigation';

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const text = useText();
  const keys: [string, string][] = [
    ['?', text.shortcuts.help],
    [text.palette.keys, text.shortcuts.palette],
    ['j / k', text.shortcuts.list],
    ['Enter', text.shortcuts.open],
    ['v', text.shortcuts.view],
    ...PAGES.flatMap((group) => group.pages)
      .filter((page) => page.key)
      .map((page): [string, string] => [`g ${page.key}`, text.nav[page.name]]),
  ];
  return (
    <Modal open title={text.shortcuts.title} footer={null} onCancel={onClose} width={460}>
      <dl className="facts" data-testid="shortcuts">
        {keys.map(([key, meaning]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
