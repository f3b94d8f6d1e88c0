export interface ProblemDetail {
  pointer?: string | null;
  code?: string;
  message: string;
  line?: number | null;
  column?: number | null;
}

/** What the server said of a request that it did not carry out. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: ProblemDetail[];
  readonly requestId: string | null;

  constructor(status: number, body: Record<string, unknown>) {
    super(String(body.detail ?? body.title ?? `HTTP ${status}`));
    this.name = 'ProblemError';
    this.status = status;
    this.code = String(body.code ?? 'UNKNOWN');
    this.details = Array.isArray(body.errors) ? (body.errors as ProblemDetail[]) : [];
    this.requestId = typeof body.request_id === 'string' ? body.request_id : null;
  }

  /** The whole of it in words: the sentence, then each field with its message. */
  get text(): string {
    const fields = this.details.map(({ pointer, message }) => (pointer && pointer !== '/' ? `${pointer}: ${message}` : message));
    const said = this.details.some(({ message }) => message === this.message);
    return [...new Set(said ? fields : [this.message, ...fields])].join('\n');
  }
}

export async function readProblem(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => null);
  const object = body && typeof body === 'object' ? (body as Record<string, unknown>) : {};
  return new ProblemError(response.status, object);
}

export function problemText(error: unknown): string {
  if (error instanceof ProblemError) return error.text;
  return error instanceof Error ? error.message : String(error);
}

export function isMissing(error: unknown): boolean {
  return error instanceof ProblemError && (error.status === 404 || error.status === 403);
}
