// A reverse proxy before a node. The node behind it may change, and the proxy may go away and come back.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/** Where pages come from: the node, or `web/dist` as it lies there, which needs no build of the program. */
export const PAGES = process.env.PAGES === 'dist' ? 'dist' : 'node';

export class ReverseProxy {
  readonly url: string;
  private port: number;

  private constructor(
    private server: Server,
    public target: string,
  ) {
    this.port = (server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  static async start(target: string): Promise<ReverseProxy> {
    const server = createServer((incoming, outgoing) => {
      if (PAGES === 'dist' && !incoming.url?.startsWith('/api')) sendFile(incoming, outgoing);
      else forward(proxy.target, incoming, outgoing);
    });
    await listen(server, 0);
    const proxy = new ReverseProxy(server, target);
    return proxy;
  }

  /** Ends all connections, and refuses others until `comeBack`. */
  goAway(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    return closed;
  }

  comeBack(): Promise<void> {
    return listen(this.server, this.port);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse) {
  // `Host` and `Origin` stay as they came.
  const forwarded = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers: incoming.headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on('error', () => outgoing.destroy());
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}

function sendFile(incoming: IncomingMessage, outgoing: ServerResponse) {
  const file = join(DIST, normalize(new URL(incoming.url ?? '/', 'http://x').pathname));
  const found = file.startsWith(DIST) && existsSync(file) && statSync(file).isFile() ? file : join(DIST, 'index.html');
  outgoing.writeHead(200, { 'Content-Type': TYPES[extname(found)] ?? 'application/octet-stream', 'Content-Encoding': 'gzip' });
  createReadStream(found).pipe(createGzip()).pipe(outgoing);
}
