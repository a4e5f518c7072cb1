import type { ApiError } from '#console/api/session.ts';
import { serverSaid } from '#console/page/text/server-clock.ts';

const BASE = '/api/v1';

/** What the server answered instead of what was asked for; `status` 0 = it did not answer. */
export class RequestFailure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What was thrown where an answer was awaited, as it is shown. */
export function asFailure(error: unknown): RequestFailure {
  return error instanceof RequestFailure ? error : new RequestFailure(0, 'failed', String(error));
}

/** Called when the server wants a password (again). */
let askForPassword = (): void => undefined;
export function whenPasswordIsWanted(then: () => void): void {
  askForPassword = then;
}

/** Questions that were asked without a login. */
let waiting: (() => void)[] = [];
/** What was asked meanwhile is asked again. What would change something is not: its answer says so. */
export function passwordWasShown(): void {
  const all = waiting;
  waiting = [];
  for (const ask of all) ask();
}

/** @throws the reason of the signal, which ends the wait */
function loggedIn(signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** @throws RequestFailure */
export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, signal === undefined ? {} : { signal });
}

/** @throws RequestFailure */
export function post<T>(path: string, body: unknown): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** @throws RequestFailure */
export async function endSession(): Promise<void> {
  await request('/session', { method: 'DELETE' });
}

/** What it did until then is done. @throws RequestFailure */
export async function interruptJob(id: string): Promise<void> {
  await request(`/jobs/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export function eventsOf(path: string): EventSource {
  return new EventSource(BASE + path);
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(BASE + path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestFailure(0, 'unreachable', 'The server does not answer.');
  }
  serverSaid(response.headers.get('date'));
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const told = await response.json().then(
    (body: ApiError) => body.error,
    () => undefined,
  );
  if (response.status === 401 && path !== '/session') {
    askForPassword();
    if (init.method !== undefined)
      throw new RequestFailure(401, 'unauthorized', 'The login was over: nothing was done. Do it once more.');
    await loggedIn(init.signal);
    return request<T>(path, init);
  }
  throw new RequestFailure(
    response.status,
    told?.code ?? 'failed',
    told?.message ?? `The server answered ${response.status}.`,
  );
}
