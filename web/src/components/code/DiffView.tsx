import { MergeView } from '@codemirror/merge';
import { yaml } from '@codemirror/lang-yaml';
import { EditorState } from '@codemirror/state';
import { useEffect, useRef } from 'react';
import { useText } from '@/i18n/i18n';
import { baseExtensions } from './setup';

interface DiffViewProps {
  left: string;
  right: string;
  leftTestId?: string;
  rightTestId?: string;
}

/** Two texts side by side with what differs. */
export function DiffView({ left, right, leftTestId = 'diff-left', rightTestId = 'diff-right' }: DiffViewProps) {
  const text = useText();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return undefined;
    const side = (doc: string, label: string) => ({ doc, extensions: [baseExtensions(true, label), yaml(), EditorState.phrases.of({ '$ unchanged lines': text.workflow.unchangedLines })] });
    const view = new MergeView({
      a: side(left, text.workflow.before),
      b: side(right, text.workflow.after),
      parent: host.current,
      collapseUnchanged: { margin: 3, minSize: 6 },
      gutter: true,
    });
    view.a.dom.dataset.testid = leftTestId;
    view.b.dom.dataset.testid = rightTestId;
    return () => view.destroy();
  }, [left, right, leftTestId, rightTestId, text]);
  return <div ref={host} className="code diff" />;
}
