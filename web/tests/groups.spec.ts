import { expect, test } from './fixtures';

test.describe.configure({ timeout: 90_000 });

const SOURCE = `version: 1
name: grouped
tasks:
  extract: { type: noop }
  load eu: { type: noop, needs: [extract] }
  load us: { type: noop, needs: [extract] }
  report: { type: noop, needs: [load eu, load us] }
`;

test('tasks are grouped in the editor, and the groups are stored beside the document', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'grouped', SOURCE);
  await open('/projects/retail/workflows/grouped/edit');
  await app.getByTestId('node-load eu').click();
  await app.getByTestId('node-load us').click({ modifiers: ['ControlOrMeta'] });
  await app.getByTestId('editor-group').click();
  await app.getByTestId('group-name-group').fill('loads');
  await app.getByTestId('group-name-group').press('Enter');
  await expect(app.getByTestId('group-loads')).toBeVisible();
  await app.getByTestId('editor-undo').click();
  await expect(app.getByTestId('group-group')).toBeVisible();
  await app.getByTestId('editor-redo').click();
  await app.getByTestId('editor-save').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
  const graph = await site.node.call<{ nodes: { name: string; group: string | null }[] }>('GET', '/projects/retail/workflows/grouped/graph');
  expect(graph.nodes.filter(({ group }) => group === 'loads').map(({ name }) => name)).toEqual(['load eu', 'load us']);

  await open('/projects/retail/workflows/grouped?tab=graph');
  await app.getByTestId('graph-group-loads').click();
  await expect(app.getByTestId('graph-canvas')).toHaveAttribute('data-nodes', '3');
  await expect(app.getByTestId('task-node-⊞ loads')).toContainText('2 tasks');
  await app.reload();
  await expect(app.getByTestId('graph-canvas')).toHaveAttribute('data-nodes', '3');
  const id = await site.node.startWorkflow('retail', 'grouped', {}, '20s');
  await open(`/instances/${id}`);
  await expect(app.getByTestId('task-node-⊞ loads')).toHaveAttribute('data-state', 'succeeded');
  await app.getByTestId('task-node-⊞ loads').click();
  await expect(app.getByTestId('task-node-load us')).toHaveAttribute('data-state', 'succeeded');
  await expect(app.getByTestId('graph-group-loads')).toHaveAttribute('aria-expanded', 'true');

  await open('/projects/retail/workflows/grouped/edit');
  await app.getByTestId('group-remove-loads').click();
  await expect(app.getByTestId('group-loads')).toHaveCount(0);
  await expect(app.getByTestId('node-load eu')).toBeVisible();
});
