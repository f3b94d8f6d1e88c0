import { useNavigate } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { useEffect, useMemo, useReducer, useState } from 'react';
import { client, path, send, sendJson, type Schemas } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { useParam } from '@/app/routing';
import { DiffView } from '@/components/code/DiffView';
import { WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { useText } from '@/i18n/i18n';
import { readSource } from '@/pages/workflow/useSource';
import { BlueprintGallery } from './BlueprintGallery';
import { parseModel, renameTask } from './document';
import { dropDraft, keepDraft, readDraft } from './drafts';
import { EditorCanvas } from './EditorCanvas';
import { EditorSource } from './EditorSource';
import { reduceHistory, sameDraft, startHistory, type Draft, type TaskGroups } from './history';
import { renamedInLayout, storedLayout } from './layout';
import { Palette } from './Palette';
import { Problems } from './Problems';
import { TaskForm } from './TaskForm';
import { useProblems } from './useProblems';

const BLANK = 'version: 1\nname: new-workflow\ntasks: {}\n';

interface Stored {
  draft: Draft;
  tag: string | null;
}

export default function EditorPage() {
  const project = useParam('project');
  const workflow = useParam('workflow');
  const query = useQuery({
    queryKey: ['editor', project, workflow],
    queryFn: () => load(project, workflow),
    staleTime: Infinity,
    gcTime: 0,
  });
  return <Loaded query={query} missing="page">{(stored) => <Editor project={project} workflow={workflow} stored={stored} />}</Loaded>;
}

async function load(project: string, workflow: string): Promise<Stored> {
  if (!workflow) return { draft: { text: BLANK, places: {}, groups: {} }, tag: null };
  const { text, tag } = await readSource(project, workflow);
  const { data } = await client.GET('/api/v1/projects/{project}/workflows/{workflow}/graph', { params: { path: { project, workflow } } });
  const places = Object.fromEntries((data?.nodes ?? []).map((node) => [node.name, [node.x, node.y] as [number, number]]));
  const groups: TaskGroups = {};
  for (const { name, group } of data?.nodes ?? []) if (group) (groups[group] ??= []).push(name);
  return { draft: { text, places, groups }, tag };
}

interface EditorProps {
  project: string;
  /** Empty for a new one. */
  workflow: string;
  stored: Stored;
}

function Editor({ project, workflow, stored }: EditorProps) {
  const text = useText();
  const navigate = useNavigate();
  const notices = useNotices();
  const [base, setBase] = useState(stored);
  const [restored, setRestored] = useState(() => readDraft(project, workflow));
  const [history, dispatch] = useReducer(reduceHistory, startHistory(restored ?? stored.draft));
  const draft = history.present;
  const [selected, setSelected] = useState<string[]>([]);
  const [theirs, setTheirs] = useState<{ text: string; tag: string | null } | null>(null);
  const model = useMemo(() => parseModel(draft.text), [draft.text]);
  const problems = useProblems(project, draft.text, model);
  const dirty = !sameDraft(draft, base.draft);
  useEffect(() => {
    if (dirty) keepDraft(project, workflow, { ...draft, tag: base.tag });
    else dropDraft(project, workflow);
  }, [dirty, draft, base.tag, project, workflow]);

  const change = (next: Partial<Draft>) => dispatch({ kind: 'change', draft: { ...draft, ...next } });
  const save = async (tag: string | null) => {
    const name = workflow || model.name;
    const at = path`/api/v1/projects/${project}/workflows/${name}`;
    try {
      const headers: Record<string, string> = { 'Content-Type': 'application/yaml', ...(tag ? { 'If-Match': tag } : {}) };
      const result = (await (await send('PUT', at, { body: draft.text, headers })).json()) as Schemas['PutResult'];
      const isDrawnElsewhere = draft.places !== base.draft.places || draft.groups !== base.draft.groups;
      if (isDrawnElsewhere) await sendJson('PUT', `${at}/layout`, storedLayout(draft, model.tasks.map((task) => task.name)));
      dropDraft(project, workflow);
      notices.show('applied', text.editor.saved(name, result.version));
      setTheirs(null);
      if (!workflow) {
        await navigate({ to: '/projects/$project/workflows/$workflow', params: { project, workflow: name } });
        return;
      }
      setBase({ draft, tag: (await readSource(project, name)).tag });
    } catch (error) {
      if (error instanceof ProblemError && error.status === 412) setTheirs(await readSource(project, name));
      else notices.showError(error);
    }
  };
  const rename = (from: string, to: string) => {
    change({ text: renameTask(draft.text, from, to), ...renamedInLayout(draft, from, to) });
    setSelected([to]);
  };
  const discard = () => {
    dropDraft(project, workflow);
    setRestored(null);
    dispatch({ kind: 'load', draft: base.draft });
  };
  return (
    <Page
      title={workflow ? text.editor.title(workflow) : text.workflows.new}
      crumbs={workflow ? <WorkflowLink project={project} workflow={workflow} /> : project}
      actions={
        <>
          <Button data-testid="editor-undo" disabled={history.past.length === 0} onClick={() => dispatch({ kind: 'undo' })}>
            {text.editor.undo}
          </Button>
          <Button data-testid="editor-redo" disabled={history.future.length === 0} onClick={() => dispatch({ kind: 'redo' })}>
            {text.editor.redo}
          </Button>
          <Button data-testid="editor-layout" onClick={() => change({ places: {} })}>
            {text.editor.layout}
          </Button>
          <Button
            disabled={!workflow || dirty || selected.length !== 1}
            title={text.editor.runFromHint}
            onClick={() => void navigate({ to: '/start/$project/$workflow', params: { project, workflow }, search: { task: selected[0], scope: 'downstream' } })}
          >
            {text.editor.runFrom}
          </Button>
          <Button type="primary" data-testid="editor-save" disabled={!dirty && Boolean(workflow)} onClick={() => void save(base.tag)}>
            {text.common.save}
          </Button>
        </>
      }
    >
      {restored && dirty && (
        <div className="bulk" data-testid="draft-restored">
          {text.editor.restored}
          <Button size="small" onClick={discard}>
            {text.editor.discard}
          </Button>
        </div>
      )}
      {theirs && (
        <section className="card stack tight" data-testid="version-diff">
          <h2>{text.editor.conflict}</h2>
          <DiffView left={theirs.text} right={draft.text} leftTestId="diff-theirs" rightTestId="diff-mine" />
          <div className="row">
            <Button data-testid="conflict-mine" onClick={() => void save(theirs.tag)}>
              {text.editor.keepMine}
            </Button>
            <Button
              data-testid="conflict-theirs"
              onClick={() => {
                const next = { ...draft, text: theirs.text };
                setBase({ draft: next, tag: theirs.tag });
                dispatch({ kind: 'change', draft: next });
                setTheirs(null);
              }}
            >
              {text.editor.takeTheirs}
            </Button>
          </div>
        </section>
      )}
      {!workflow && draft.text === BLANK && <BlueprintGallery onChoose={(source) => change({ text: source, places: {}, groups: {} })} />}
      <div className="editor">
        <Palette model={model} onAdd={(next) => change({ text: next })} source={draft.text} />
        <EditorCanvas draft={draft} model={model} problems={problems} selected={selected} onSelect={setSelected} onChange={change} />
        <div className="stack tight editor-side">
          <EditorSource
            value={draft.text}
            problems={problems}
            onType={(next) => dispatch({ kind: 'type', text: next, at: Date.now() })}
            onUndo={() => dispatch({ kind: 'undo' })}
            onRedo={() => dispatch({ kind: 'redo' })}
          />
          <Problems problems={problems} onOpen={(task) => setSelected([task])} />
        </div>
      </div>
      {selected.length === 1 && selected[0] && model.tasks.some(({ name }) => name === selected[0]) && (
        <TaskForm key={selected[0]} source={draft.text} task={selected[0]} onChange={(next) => change({ text: next })} onRename={(name) => rename(selected[0] ?? '', name)} />
      )}
    </Page>
  );
}
