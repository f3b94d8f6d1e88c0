// What the node of tests and screenshots holds: one of everything that pages show.
import { PASSWORD, USER, type TestNode } from './node';

export const DAILY = `# Sales of one day
version: 1
name: daily-sales
description: Sales of one day, by region
labels: { team: bi, tier: gold }
timezone: Asia/Shanghai
params:
  day: $[yyyyMMdd-1]
  top_n: { type: integer, value: 10 }
  full: { type: boolean, value: false }
  options: { type: json, value: "{}" }
  total: { direction: out }
schedules:
  nightly: { cron: "0 30 2 * * ?" }
tasks:
  extract:
    type: shell
    run: |
      echo "day is \${day}"
      for i in 1 2 3; do printf '\\033[32mrow %s\\033[0m\\n' $i; done
      echo '\${setValue(total=42)}'
    outputs: [total]
  clean: { type: shell, needs: [extract], run: sleep 0.3 }
  load eu: { type: shell, needs: [clean], run: sleep 0.5 }
  load us: { type: shell, needs: [clean], run: sleep 0.2 }
  load asia: { type: shell, needs: [clean], run: sleep 0.4 }
  report: { type: shell, needs: [load eu, load us, load asia], run: 'echo total \${total}' }
  archive: { type: noop, needs: [report] }
`;

export const BROKEN = `version: 1
name: stock-levels
description: Stock levels of every warehouse
labels: { team: ops }
tasks:
  fetch: { type: shell, run: "echo fetching; sleep 0.1" }
  check: { type: shell, needs: [fetch], retry: { max: 1, delay: 100ms }, run: "echo '12 rows'; echo 'warehouse 7: connection refused' >&2; exit 3" }
  publish: { type: noop, needs: [check] }
`;

export const SLOW = `version: 1
name: training
description: Trains the model of demand
schedules:
  hourly: { cron: "0 0 * * * ?", missed: skip }
tasks:
  prepare: { type: noop }
  train: { type: shell, needs: [prepare], run: "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo step $i; sleep 1; done" }
  evaluate: { type: noop, needs: [train] }
`;

export const GATE = `version: 1
name: publish-prices
description: Publishes prices once a person agreed
tasks:
  collect: { type: noop }
  gate:
    type: approval
    needs: [collect]
    message: Publish the prices of today?
    inputs: { comment: { type: string, required: false, default: "" } }
  publish: { type: noop, needs: [gate] }
`;

export const LIMITED = `version: 1
name: warehouse-sync
concurrency: { limit: 1, strategy: wait }
tasks:
  sync: { type: shell, run: "sleep 600", limits: [warehouse] }
`;

/** Fills the node, and answers with the ids of instances. */
export async function seed(node: TestNode) {
  await node.call('POST', '/users', { name: USER, password: PASSWORD, role: 'admin' });
  await node.call('POST', '/projects', { name: 'retail', description: 'Shops and warehouses' });
  await node.call('PUT', '/projects/retail/limits/warehouse', { slots: 2, description: 'Connections to the warehouse' });
  await node.call('PUT', '/projects/retail/calendars/workdays', { days: 'weekdays', exclude: ['2026-12-25'], description: 'Monday to Friday' });
  await node.call('PUT', '/projects/retail/secrets/erp_token', { value: 'a-token-of-the-erp' });
  await node.call('PUT', '/projects/retail/connections/erp', {
    type: 'http', url: 'https://erp.example.org/api', headers: { 'X-Team': 'bi' }, auth: { type: 'bearer', token: '${secret.erp_token}' }, description: 'Orders and stock',
  });
  await node.call('PUT', '/projects/retail/connections/warehouse', {
    type: 'postgresql', host: 'db.example.org', database: 'dwh', user: 'etl', password: 'a-password-of-etl', options: { search_path: 'sales' }, description: 'The warehouse',
  });
  await node.call('PUT', '/connections/lake', { type: 'postgresql', host: 'lake.example.org', database: 'lake', user: 'reader', password: 'a-password-of-it' });
  await node.call('PUT', '/connections/lake/grants/retail');
  await node.call('PUT', '/projects/retail/channels/oncall', { type: 'webhook', url: 'https://hooks.example.org/porpoise', sign: 'hmac_sha256', secret: 'a-key-of-the-hook', description: 'Whoever is on call' });
  await node.call('PUT', '/channels/everybody', { type: 'webhook', url: 'https://hooks.example.org/all' });
  await node.call('PUT', '/notify', { rules: [
    { name: 'nodes', on: ['node_dead', 'failover'], channels: ['everybody'] },
    { name: 'failures', on: ['failed', 'late'], by: '06:30', channels: ['everybody'], group: '5m' },
  ] });
  await node.call('PUT', '/projects/retail/notify', { rules: [{ name: 'broken', on: ['failed', 'timed_out'], channels: ['oncall'] }] });
  await node.putWorkflow('retail', 'daily-sales', DAILY);
  await node.putWorkflow('retail', 'stock-levels', BROKEN);
  await node.putWorkflow('retail', 'training', SLOW);
  await node.putWorkflow('default', 'publish-prices', GATE);
  await node.putWorkflow('retail', 'warehouse-sync', LIMITED);
  let succeeded = '';
  for (const topN of ['5', '10', '20']) succeeded = await node.startWorkflow('retail', 'daily-sales', { params: { top_n: topN } }, '60s');
  await node.putWorkflow('retail', 'daily-sales', DAILY.replace('sleep 0.3', 'sleep 0.2'));
  const failed = await node.startWorkflow('retail', 'stock-levels', {}, '60s');
  const running = await node.startWorkflow('retail', 'training');
  const approval = await node.startWorkflow('default', 'publish-prices');
  await node.startWorkflow('retail', 'warehouse-sync');
  const queued = await node.startWorkflow('retail', 'warehouse-sync');
  const { id: backfill } = await node.call<{ id: string }>('POST', '/projects/retail/workflows/daily-sales/backfills', {
    from: '2026-11-01', to: '2026-11-20', parallelism: 2, schedule: 'nightly', dry_run: true,
  });
  return { succeeded, failed, running, approval, queued, backfill };
}

/** A workflow of many tasks, in layers. */
export function largeWorkflow(name: string, tasks: number): string {
  const width = Math.ceil(Math.sqrt(tasks));
  const lines = [`version: 1`, `name: ${name}`, `tasks:`];
  for (let index = 0; index < tasks; index++) {
    const above = index - width;
    const needs = above >= 0 ? `, needs: [t${above}${index % 3 === 0 && above > 0 ? `, t${above - 1}` : ''}]` : '';
    lines.push(`  t${index}: { type: noop${needs} }`);
  }
  return `${lines.join('\n')}\n`;
}
