import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';

const SOURCE = `version: 1
name: edited   # a comment
tasks:
  first: { type: noop }
  # the second
  second: { type: noop }
`;

function source(app: Page) {
  return app.getByTestId('editor-yaml').locator('.cm-content');
}

test('canvas and YAML are one document; comments stay; every step is undone', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'edited', SOURCE);
  await open('/projects/retail/workflows/edited/edit');
  await expect(app.getByTestId('node-first')).toBeVisible();
  await app.getByTestId('handle-out-first').dragTo(app.getByTestId('handle-in-second'));
  await expect(app.getByTestId('edge-first/second')).toBeAttached();
  await expect(source(app)).toContainText('needs: [ first ]');
  await app.getByTestId('palette-shell').click();
  await expect(app.getByTestId('node-shell')).toBeVisible();
  await app.getByTestId('editor-undo').click();
  await expect(app.getByTestId('node-shell')).toHaveCount(0);
  await app.getByTestId('editor-redo').click();
  await expect(app.getByTestId('node-shell')).toBeVisible();
  await app.getByTestId('editor-save').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
  const stored = await (await fetch(`${site.node.url}/api/v1/projects/retail/workflows/edited`, { headers: site.node.headers('application/yaml') })).text();
  expect(stored).toContain('name: edited   # a comment\n');
  expect(stored).toContain('  # the second\n  second: { type: noop, needs: [ first ] }\n');
});

test('problems are those of the server, at the task and the line, while typing', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'faulty', SOURCE.replace('edited', 'faulty'));
  await open('/projects/retail/workflows/faulty/edit');
  await source(app).click();
  await app.keyboard.press('Control+End');
  await app.keyboard.type('  third: { type: noop, needs: [frist] }');
  const problem = app.getByTestId('problem');
  await expect(problem).toHaveAttribute('data-task', 'third');
  await expect(problem).toHaveAttribute('data-line', '7');
  await expect(problem).toContainText('did you mean `first`?');
  await expect(app.getByTestId('node-third')).toHaveAttribute('data-problems', 'yes');
});

test('the form of a task writes its fields, and unsaved changes survive', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'formed', SOURCE.replace('edited', 'formed'));
  await open('/projects/retail/workflows/formed/edit');
  await app.getByTestId('node-first').click();
  await app.getByTestId('field-retry.max').fill('3');
  await app.getByTestId('field-retry.max').press('Enter');
  await expect(source(app)).toContainText('retry:');
  await app.getByTestId('field-name').fill('begin');
  await app.getByTestId('field-name').press('Enter');
  await expect(app.getByTestId('node-begin')).toBeVisible();
  await open('/workflows');
  await expect(app.getByTestId('workflow-table')).toBeVisible();
  await open('/projects/retail/workflows/formed/edit');
  await expect(app.getByTestId('draft-restored')).toBeVisible();
  await expect(app.getByTestId('node-begin')).toBeVisible();
});

test('a version that another user saved is shown beside mine', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'shared', SOURCE.replace('edited', 'shared'));
  await open('/projects/retail/workflows/shared/edit');
  await app.getByTestId('palette-noop').click();
  await expect(app.getByTestId('node-noop')).toBeVisible();
  await site.node.putWorkflow('retail', 'shared', SOURCE.replace('edited', 'shared').replace('second:', 'theirs:'));
  await app.getByTestId('editor-save').click();
  await expect(app.getByTestId('version-diff')).toBeVisible();
  await expect(app.getByTestId('diff-theirs')).toContainText('theirs');
  await expect(app.getByTestId('diff-mine')).toContainText('noop:');
  await app.getByTestId('conflict-mine').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
});

test('a new workflow is made from nothing', async ({ app, open }) => {
  await open('/projects/retail/new');
  await app.getByTestId('palette-shell').dragTo(app.getByTestId('editor-canvas'));
  await expect(app.getByTestId('node-shell')).toBeVisible();
  await app.getByTestId('editor-save').click();
  await expect(app).toHaveURL(/\/projects\/retail\/workflows\/new-workflow$/);
});
