import { expect, test } from './fixtures';

test('a workflow is started from an example, and the gallery leaves with the first change', async ({ app, open }) => {
  await open('/projects/retail/new');
  await app.getByTestId('blueprints-open').click();
  await app.getByTestId('blueprint-search').fill('switch');
  await expect(app.getByTestId('blueprints').getByRole('listitem')).toHaveCount(1);
  await app.getByTestId('blueprint-branches').click();
  await expect(app.getByTestId('blueprints')).toHaveCount(0);
  await expect(app.getByTestId('node-load')).toBeVisible();
  await app.getByTestId('editor-undo').click();
  await expect(app.getByTestId('blueprints')).toBeVisible();
  await app.getByTestId('editor-redo').click();
  await app.getByTestId('editor-save').click();
  await expect(app).toHaveURL(/\/projects\/retail\/workflows\/branches$/);
});
