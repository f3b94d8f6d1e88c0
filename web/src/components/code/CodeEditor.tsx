import { Compartment, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { baseExtensions, loadLanguage, type Language } from './setup';

interface CodeEditorProps {
  language: Language;
  value: string;
  label: string;
  testId: string;
  readOnly?: boolean;
  height?: string;
  extensions?: Extension;
  onChange?: (value: string) => void;
  onView?: (view: EditorView) => void;
}

/** An editor of code. Its text follows `value`; a change that comes from there is reported to nobody. */
export function CodeEditor({ language, value, label, testId, readOnly = false, height, extensions = [], onChange, onView }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const report = useRef(onChange);
  useEffect(() => {
    report.current = onChange;
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
        extensions,
        EditorView.updateListener.of((update) => {
          const foreign = update.transactions.some((transaction) => transaction.isUserEvent('outside'));
          if (update.docChanged && !foreign) report.current?.(update.state.doc.toString());
        }),
      ],
    });
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
