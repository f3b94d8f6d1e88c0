import createClient, { type Middleware } from 'openapi-fetch';
import createHooks from 'openapi-react-query';
import { readProblem } from './problem';
import type { components, paths } from './schema';
import { basePath, endSession, sessionHeaders } from './session';

export type Schemas = components['schemas'];

/** Requests whose 401 says that the name or password is wrong, not that the session is over. */
const SIGN_IN = /\/auth\/(login|setup)$/;

const session: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(sessionHeaders(request.method))) request.headers.set(name, value);
  },
  async onResponse({ request, response }) {
    if (response.ok) return;
    if (response.status === 401 && !SIGN_IN.test(new URL(request.url).pathname)) endSession();
    throw await readProblem(response);
  },
};

export const client = createClient<paths>({ baseUrl: basePath, credentials: 'same-origin' });
client.use(session);

/** Hooks over the client: `api.useQuery('get', path, {params})`. */
export const api = createHooks(client);

/** A request outside of the generated types: texts, and members that the document of the API leaves open. */
export async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...sessionHeaders(method), ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(basePath + path, { ...init, method, headers, credentials: 'same-origin' });
  if (response.ok) return response;
  if (response.status === 401) endSession();
  throw await readProblem(response);
}

export async function sendJson<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const init: RequestInit =
    body === undefined ? { headers } : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } };
  const response = await send(method, path, init);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Fills a path: each argument is percent-encoded. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((text, part, index) => text + encodeURIComponent(String(values[index - 1] ?? '')) + part);
}
