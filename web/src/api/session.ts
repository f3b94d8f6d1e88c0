// Who is signed in, as requests need it. A browser signs in by cookie, which scripts cannot read.

/** The path below which the server serves everything, without a slash at its end. */
export const basePath = new URL(document.baseURI).pathname.replace(/\/$/, '');

/** A token in memory, for a server that answers a login without a cookie. It is gone with the page. */
let token: string | null = null;

export function keepToken(next: string | null) {
  token = next;
}

/** Returns the headers that a request with this method needs. */
export function sessionHeaders(method: string): Record<string, string> {
  const headers: Record<string, string> = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (method !== 'GET' && method !== 'HEAD') headers['Porpoise-Csrf'] = '1';
  return headers;
}

/** Returns `next` when it is a path of this page, else the home page. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || /^\/[/\\]/.test(next)) return '/';
  const url = new URL(next, window.location.origin);
  return url.origin === window.location.origin ? url.pathname + url.search + url.hash : '/';
}

const listeners = new Set<() => void>();

/** Calls `listener` when the server says that the session is over. */
export function onSessionEnd(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function endSession() {
  keepToken(null);
  for (const listener of listeners) listener();
}
