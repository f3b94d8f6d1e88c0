import { useQuery, keepPreviousData } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Modal } from 'antd';
import { useState, type KeyboardEvent } from 'react';
import { useText } from '@/i18n/i18n';
import { findCommands, type Command } from './commands';
import { useIsAdmin } from './user';

/** Jumps to workflows, instances by id, tasks, pages and actions. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const text = useText();
  const navigate = useNavigate();
  const admin = useIsAdmin();
  const [input, setInput] = useState('');
  const [at, setAt] = useState(0);
  const { data: commands = [] } = useQuery({
    queryKey: ['commands', input, text, admin],
    queryFn: () => findCommands(input.trim(), text, admin),
    placeholderData: keepPreviousData,
  });
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    void navigate({ to: command.path, search: command.search });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, commands.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (event.key === 'Enter') run(commands[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Modal open footer={null} closable={false} onCancel={onClose} width={560} title={null} aria-label={text.palette.open}>
      <div className="stack tight" data-testid="command-palette">
        <input
          className="native"
          style={{ width: '100%', height: 40 }}
          data-testid="command-input"
          role="combobox"
          aria-expanded="true"
          aria-controls="commands"
          aria-activedescendant={`command-${at}`}
          aria-label={text.palette.open}
          placeholder={text.palette.placeholder}
          autoFocus
          value={input}
          onKeyDown={onKey}
          onChange={(event) => {
            setInput(event.target.value);
            setAt(0);
          }}
        />
        <ul id="commands" role="listbox" className="commands" aria-label={text.palette.results}>
          {commands.map((command, index) => (
            <li key={command.id} id={`command-${index}`} role="option" aria-selected={index === at} onMouseEnter={() => setAt(index)} onClick={() => run(command)}>
              <span>{command.title}</span>
              <span className="muted small">{command.kind}</span>
            </li>
          ))}
        </ul>
        {commands.length === 0 && <p className="muted">{text.palette.nothing}</p>}
      </div>
    </Modal>
  );
}
