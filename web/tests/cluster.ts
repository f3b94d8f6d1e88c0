// Two masters with pages and a worker, on PostgreSQL and Consul of their own.
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killProcess, TestNode } from './node';

const POSTGRES_VERSIONS = '/usr/lib/postgresql';
/** Time within which PostgreSQL and Consul answer, on a busy machine. */
const READY_MS = 60_000;

/** The folder of PostgreSQL's programs; undefined where it or Consul is not installed. */
export function findServers(): string | undefined {
  const consul = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'consul')));
  const versions = existsSync(POSTGRES_VERSIONS) ? readdirSync(POSTGRES_VERSIONS) : [];
  const found = versions.map((version) => join(POSTGRES_VERSIONS, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb')));
  return consul ? found : undefined;
}

export class TestCluster {
  private constructor(
    readonly masters: [TestNode, TestNode],
    /** The hosts of their instances. */
    readonly hosts: [string, string],
    private worker: TestNode,
    private servers: ChildProcess[],
    private folder: string,
  ) {}

  static async start(programs: string): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'porpoise-web-'));
    await chmod(folder, 0o755);
    // An address of this process alone, so that every port of it is free.
    const address = `127.78.${(process.pid >> 8) & 255}.${process.pid & 255}`;
    const servers = [await startPostgres(programs, folder, address), await startConsul(folder, address)];
    const secret = join(folder, 'secret');
    await writeFile(secret, 'a-secret-of-a-test-cluster-0123456789', { mode: 0o600 });
    const rpcAddress = (number: number) => `${address}:${7100 + number}`;
    const start = (name: string, number: number, ...args: string[]) => {
      const rpc = rpcAddress(number);
      const common = ['--node-name', name, '--rpc-listen', rpc, '--advertise', rpc, '--consul', `http://${address}:8500`];
      const files = ['--cluster-secret-file', secret, '--data', join(folder, name)];
      return TestNode.join([...common, ...files, ...args], { PORPOISE__DATABASE__URL: `postgres://porpoise@${address}/postgres` });
    };
    const master = (name: string, number: number) => start(name, number, '--roles', 'master,api', '--listen', `${address}:${7200 + number}`);
    const masters: [TestNode, TestNode] = [await master('m1', 1), await master('m2', 2)];
    return new TestCluster(masters, [rpcAddress(1), rpcAddress(2)], await start('w1', 3, '--roles', 'worker'), servers, folder);
  }

  async stop() {
    await Promise.all([...this.masters, this.worker].map((node) => node.stop()));
    await Promise.all(this.servers.map((server) => killProcess(server)));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function startPostgres(programs: string, folder: string, address: string): Promise<ChildProcess> {
  const data = join(folder, 'postgres');
  const user = unprivileged();
  await mkdir(data, { mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) await chown(data, user.uid, user.gid);
  const quiet: SpawnOptions = { ...user, stdio: 'ignore', cwd: '/' };
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'porpoise', '-A', 'trust', '-E', 'UTF8', '--no-sync'], quiet);
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-h', address, '-k', data, '-F'], quiet);
  await waitUntil('PostgreSQL', () => execFileSync(join(programs, 'pg_isready'), ['-q', '-h', address], { stdio: 'ignore' }));
  return server;
}

async function startConsul(folder: string, address: string): Promise<ChildProcess> {
  const file = join(folder, 'consul.json');
  const config = {
    server: true, bootstrap_expect: 1, data_dir: join(folder, 'consul'), bind_addr: address, client_addr: address,
    ports: { dns: -1, grpc: -1, https: -1 }, disable_update_check: true, performance: { raft_multiplier: 1 },
  };
  await writeFile(file, JSON.stringify(config));
  const agent = spawn('consul', ['agent', '-config-file', file], { stdio: 'ignore' });
  await waitUntil('Consul', async () => {
    const leader = await (await fetch(`http://${address}:8500/v1/status/leader`)).text();
    if (leader.length < 5) throw new Error('there is no leader');
  });
  return agent;
}

/** Tries again until it does not fail. */
async function waitUntil(what: string, attempt: () => unknown) {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what} does not answer: ${String(error)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
