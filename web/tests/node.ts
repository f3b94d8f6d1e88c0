// Nodes for tests and screenshots: processes of PORPOISE_BIN.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const USER = 'ada';
export const PASSWORD = 'correct horse battery';
const TOKEN = 'test-token-of-the-first-admin-0123456789';
/** Time within which a node serves, on a busy machine. */
const START_MS = 90_000;

export class TestNode {
  private constructor(
    private process: ChildProcess,
    /** Where its API and pages are; empty for a node without them. */
    readonly url: string,
    private folder: string | null,
  ) {}

  /** Starts a standalone node on a free port, with data of its own. */
  static async start({ basePath = '', env = {} as Record<string, string> } = {}): Promise<TestNode> {
    const folder = await mkdtemp(join(tmpdir(), 'porpoise-web-'));
    const child = spawnProgram(['standalone', '--data', folder, '--listen', '127.0.0.1:0'], { PORPOISE__SERVER__BASE_PATH: basePath || '/', ...env });
    return new TestNode(child, await readUrl(child), folder);
  }

  /** Starts a node of a cluster. */
  static async join(args: string[], env: Record<string, string>): Promise<TestNode> {
    const child = spawnProgram(['serve', ...args], env);
    return new TestNode(child, await readUrl(child), null);
  }

  /** The file of a standalone node's database. */
  get database(): string {
    return join(this.folder ?? '', 'porpoise.db');
  }

  async stop() {
    await killProcess(this.process);
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }

  headers(accept: string): Record<string, string> {
    return { Authorization: `Bearer ${TOKEN}`, Accept: accept };
  }

  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const yaml = typeof body === 'string';
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': yaml ? 'application/yaml' : 'application/json' },
      body: body === undefined ? undefined : yaml ? body : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  putWorkflow(project: string, name: string, document: string) {
    return this.call('PUT', `/projects/${project}/workflows/${encodeURIComponent(name)}`, document);
  }

  /** Starts an instance, and answers with its id; with `wait` once it rests. */
  async startWorkflow(project: string, name: string, body: object = {}, wait = '0s'): Promise<string> {
    const path = `/projects/${project}/workflows/${encodeURIComponent(name)}/instances?wait=${wait}`;
    const { id } = await this.call<{ id: string }>('POST', path, body);
    return id;
  }
}

/** Ends a process as a power cut would, with all that it started: tasks outlive their worker. */
export async function killProcess(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const others = descendants(child.pid);
  child.kill('SIGKILL');
  for (const pid of others) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await ended;
}

function descendants(pid: number): number[] {
  const threads = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : [];
  const children = threads.flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function spawnProgram(args: string[], env: Record<string, string>): ChildProcess {
  const program = process.env.PORPOISE_BIN;
  if (!program) throw new Error('PORPOISE_BIN names no program; `make test-web` builds one and sets it');
  return spawn(program, args, { env: { ...process.env, PORPOISE__AUTH__BOOTSTRAP_TOKEN: TOKEN, ...env } });
}

function readUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`the node does not serve: ${output}`)), START_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const ready = output.split('\n').find((line) => line.includes('"porpoise ready"') && line.endsWith('}'));
      if (!ready) return;
      clearTimeout(timer);
      resolve((JSON.parse(ready) as { url?: string }).url ?? '');
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${output}`)));
  });
}
