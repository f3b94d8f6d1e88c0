import { expect, test } from 'vitest';
import { addTask, connect, copyTasks, disconnect, freeName, parseModel, pasteTasks, removeTasks, renameTask, setField, taskFields } from './document';

const SOURCE = `# Sales of one day
version: 1
name: sales   # the name
tasks:
  # reads the files
  extract:
    type: shell
    run: |
      echo "a: b"   # not a comment of YAML
  load: { type: noop, needs: [extract] }
  report:
    type: noop
    needs: [load, { task: extract, on: failed }]
`;

test('the model has tasks with edges and lines', () => {
  const model = parseModel(SOURCE);
  expect(model.name).toBe('sales');
  expect(model.tasks.map(({ name, type, lines }) => [name, type, ...lines])).toEqual([
    ['extract', 'shell', 6, 9],
    ['load', 'noop', 10, 10],
    ['report', 'noop', 11, 13],
  ]);
  expect(model.tasks[2]?.needs).toEqual([{ task: 'load', on: 'succeeded' }, { task: 'extract', on: 'failed' }]);
  expect(parseModel('a: [').error).not.toBeNull();
});

test('a change leaves every other line as it is', () => {
  const changed = connect(addTask(SOURCE, 'last', { type: 'noop' }), 'report', 'last');
  expect(changed).toBe(`${SOURCE}  last:\n    type: noop\n    needs: [ report ]\n`);
  expect(disconnect(changed, 'report', 'last')).toBe(`${SOURCE}  last:\n    type: noop\n`);
  expect(setField(SOURCE, 'extract', ['retry', 'max'], 3)).toBe(SOURCE.replace('YAML\n', 'YAML\n    retry:\n      max: 3\n'));
});

test('a field that is taken away takes empty parents with it', () => {
  const retried = setField(SOURCE, 'load', ['retry', 'max'], 3);
  expect(taskFields(retried, 'load').retry).toEqual({ max: 3 });
  expect(taskFields(setField(retried, 'load', ['retry', 'max'], undefined), 'load')).toEqual({ type: 'noop', needs: ['extract'] });
});

test('removing and renaming follow the edges', () => {
  const removed = parseModel(removeTasks(SOURCE, ['extract']));
  expect(removed.tasks.map(({ name, needs }) => [name, needs.map(({ task }) => task)])).toEqual([['load', []], ['report', ['load']]]);
  const renamed = parseModel(renameTask(SOURCE, 'extract', 'read'));
  expect(renamed.tasks.map(({ name, needs }) => [name, needs.map(({ task }) => task)])).toEqual([['read', []], ['load', ['read']], ['report', ['load', 'read']]]);
});

test('copied tasks keep their edges under free names', () => {
  const { text, names } = pasteTasks(SOURCE, copyTasks(SOURCE, ['extract', 'load']));
  expect(names).toEqual(['extract-2', 'load-2']);
  const model = parseModel(text);
  expect(model.tasks.find(({ name }) => name === 'load-2')?.needs).toEqual([{ task: 'extract-2', on: 'succeeded' }]);
  expect(freeName(model, 'load')).toBe('load-3');
  expect(pasteTasks(SOURCE, 'no yaml: [').names).toEqual([]);
});

test('a document that cannot be parsed is not changed', () => {
  expect(addTask('a: [', 'x', {})).toBe('a: [');
});
