// A node for tests and screenshots: PORPOISE_BIN standalone on a free port, with users, workflows and instances.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const USER = 'ada';
export const PASSWORD = 'correct horse battery';
const TOKEN = 'test-token-of-the-first-admin-0123456789';
/** Time within which a node serves. */
const START_MS = 30_000;

export class TestNode {
  private constructor(
    private process: ChildProcess,
    private data: string,
    readonly url: string,
  ) {}

  static async start(): Promise<TestNode> {
    const program = process.env.PORPOISE_BIN;
    if (!program) throw new Error('PORPOISE_BIN names no program; `make test-web` builds one and sets it');
    const data = await mkdtemp(join(tmpdir(), 'porpoise-web-'));
    const env = { ...process.env, PORPOISE__AUTH__BOOTSTRAP_TOKEN: TOKEN };
    const child = spawn(program, ['standalone', '--data', data, '--listen', '127.0.0.1:0'], { env });
    const url = await readUrl(child);
    return new TestNode(child, data, url);
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await ended;
    await rm(this.data, { recursive: true, force: true });
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

function readUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`the node does not serve: ${output}`)), START_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /"url":"([^"]+)"/.exec(output)?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${output}`)));
  });
}
