import { useText } from '@/i18n/i18n';
import type { EditorProblem } from './useProblems';

export function Problems({ problems, onOpen }: { problems: EditorProblem[]; onOpen: (task: string) => void }) {
  const text = useText();
  return (
    <section className="card" data-testid="editor-problems" data-count={problems.length} aria-live="polite">
      <h3>{text.editor.problems(problems.length)}</h3>
      <ul className="list small">
        {problems.map((problem, index) => (
          <li key={index} data-testid="problem" data-task={problem.task ?? undefined} data-line={problem.line ?? undefined}>
            {problem.line && <span className="chip">{text.editor.line(problem.line)}</span>}
            <button className="plain grow" style={{ textAlign: 'left' }} disabled={!problem.task} onClick={() => problem.task && onOpen(problem.task)}>
              {problem.message}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
