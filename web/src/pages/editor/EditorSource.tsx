import { setDiagnostics } from '@codemirror/lint';
import type { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { CodeEditor } from '@/components/code/CodeEditor';
import { useText } from '@/i18n/i18n';
import type { EditorProblem } from './useProblems';

interface EditorSourceProps {
  value: string;
  problems: EditorProblem[];
  onType: (text: string) => void;
  onUndo: () => void;
  onRedo: () => void;
}

/** The document as YAML. Undo is that of the whole editor, so that canvas and text share their steps. */
export function EditorSource({ value, problems, onType, onUndo, onRedo }: EditorSourceProps) {
  const text = useText();
  const view = useRef<EditorView>(null);
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const { doc } = editor.state;
    const found = problems.map((problem) => {
      const line = doc.line(Math.min(Math.max(problem.line ?? 1, 1), doc.lines));
      return { from: line.from, to: line.to, severity: 'error' as const, message: problem.message };
    });
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [problems, value]);
  return (
    <CodeEditor
      language="yaml"
      value={value}
      label={text.editor.source}
      testId="editor-yaml"
      height="46vh"
      steps={{ onUndo, onRedo }}
      onChange={onType}
      onView={(editor) => {
        view.current = editor;
      }}
    />
  );
}
