import { Compartment, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { baseExtensions, loadLanguage, type Language } from './setup';

interface CodeEditorProps {
  language: Language;
  value: string;
  label: string;
  testId: string;
  readOnly?: boolean;
  height?: string;
  /** Undo and redo of what the text is a part of; its own unless given. */
  steps?: { onUndo: () => void; onRedo: () => void };
  onChange?: (value: string) => void;
  onView?: (view: EditorView) => void;
}

/** An editor of code. Its text follows `value`; a change that comes from there is not reported. */
export function CodeEditor({ language, value, label, testId, readOnly = false, height, steps, onChange, onView }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ onChange, steps });
  useEffect(() => {
    latest.current = { onChange, steps };
  });
  useEffect(() => {
    if (!host.current) return undefined;
    const languageSlot = new Compartment();
    const editor = new EditorView({
      doc: value,
      parent: host.current,
      extensions: [
        baseExtensions(readOnly, label),
        languageSlot.of([]),
        latest.current.steps ? foreignSteps(() => latest.current.steps) : [],
        EditorView.updateListener.of((update) => {
          const foreign = update.transactions.some((transaction) => transaction.isUserEvent('outside'));
          if (update.docChanged && !foreign) latest.current.onChange?.(update.state.doc.toString());
        }),
      ],
    });
    // Keys scroll it where the text itself has no focus.
    editor.scrollDOM.tabIndex = 0;
    view.current = editor;
    onView?.(editor);
    let gone = false;
    void loadLanguage(language).then((support) => {
      if (!gone) editor.dispatch({ effects: languageSlot.reconfigure(support as Extension) });
    });
    return () => {
      gone = true;
      editor.destroy();
    };
  }, [language, readOnly, label]); // eslint-disable-line react-hooks/exhaustive-deps -- The text follows below.
  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value }, userEvent: 'outside' });
  }, [value]);
  return <div ref={host} className="code" style={{ height }} data-testid={testId} />;
}

/** The keys of undo and redo, for steps that are not those of the text alone. */
function foreignSteps(steps: () => CodeEditorProps['steps']): Extension {
  const undo = () => {
    steps()?.onUndo();
    return true;
  };
  const redo = () => {
    steps()?.onRedo();
    return true;
  };
  return Prec.highest(
    keymap.of([
      { key: 'Mod-z', run: undo },
      { key: 'Mod-y', run: redo },
      { key: 'Mod-Shift-z', run: redo },
    ]),
  );
}
