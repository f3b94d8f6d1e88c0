// Serves dist with the API of a node behind it, as the node itself does once it embeds dist.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
export const POLICY =
  "default-src 'self'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

export class WebServer {
  private constructor(
    private server: Server,
    readonly url: string,
  ) {}

  static start(api: string): Promise<WebServer> {
    const server = createServer((incoming, outgoing) => (incoming.url?.startsWith('/api') ? forward(api, incoming, outgoing) : serve(incoming, outgoing)));
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(new WebServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)));
    });
  }

  /** Ends the connections that are open now, event streams among them. */
  dropStreams() {
    this.server.closeAllConnections();
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function forward(api: string, incoming: IncomingMessage, outgoing: ServerResponse) {
  const target = new URL(incoming.url ?? '/', api);
  // `Host` and `Origin` stay as they came, as behind a reverse proxy.
  const forwarded = request(target, { method: incoming.method, headers: incoming.headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}

function serve(incoming: IncomingMessage, outgoing: ServerResponse) {
  const path = normalize(new URL(incoming.url ?? '/', 'http://x').pathname);
  const file = join(DIST, path);
  const found = file.startsWith(DIST) && existsSync(file) && statSync(file).isFile() ? file : join(DIST, 'index.html');
  outgoing.writeHead(200, { 'Content-Type': TYPES[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY });
  createReadStream(found).pipe(outgoing);
}
