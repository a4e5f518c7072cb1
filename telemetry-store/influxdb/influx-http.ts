import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { LIMITS } from '#contract/limits.ts';
import { describeError } from '#runtime/errors.ts';
import { nodeHttp } from '#runtime/node-http.ts';
import type { RetryCause } from '#telemetry-store/telemetry-store.ts';

export interface InfluxConnection {
  /** Base address; a path in front of InfluxDB's own is kept. */
  readonly url: string;
  readonly token: string;
  /** Longest wait for an answer, and within an answer for its next part. */
  readonly requestTimeoutMs: number;
}

const compress = promisify(gzip);

/**
 * One HTTP request to InfluxDB. Connections are kept alive by Node's own pool. Redirects are not followed: a write that
 * is turned into a GET would look like a success.
 */
export function requestInflux(
  { url, token }: InfluxConnection,
  path: string,
  request: {
    readonly method: 'GET' | 'POST';
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array<ArrayBuffer> | URLSearchParams;
    readonly signal: AbortSignal;
  },
): Promise<Response> {
  const headers = { authorization: `Token ${token}`, ...request.headers };
  return fetch(addressOf(url, path), { ...request, headers, redirect: 'manual' });
}

/** An answer in full; `retryAfter` is the header as it stands. */
export interface InfluxAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | null;
}

/**
 * {@link requestInflux} for large bodies: `fetch` copies them, and hands them on in pieces, which was a tenth of the
 * writer's CPU time.
 *
 * @throws what the connection throws, or the reason of `signal`
 */
export function postToInflux(
  { url, token }: InfluxConnection,
  path: string,
  request: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<InfluxAnswer> {
  const { headers, body, signal } = request;
  const address = addressOf(url, path);
  const { promise, resolve, reject } = Promise.withResolvers<InfluxAnswer>();
  const fail = (error: unknown): void => reject(signal.aborted ? signal.reason : error);
  const send = new URL(address).protocol === 'https:' ? requestHttps : nodeHttp.request;
  send(address, {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-length': body.length, ...headers },
    signal,
  })
    .on('response', (response) => {
      const { statusCode = 0, headers: answered } = response;
      wholeText(response).then(
        (answer) =>
          resolve({ status: statusCode, body: answer, retryAfter: answered['retry-after'] ?? null }),
        fail,
      );
    })
    // To a 101, which nobody asked for, Node gives no 'response', and a socket that no time-out ends any more.
    .on('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, body: '', retryAfter: null });
    })
    .on('error', fail)
    .end(body);
  return promise;
}

/** InfluxDB quotes each line that it cannot read, with a reason: an answer may be a few times as long as what was written. */
const MOST_ANSWER_BYTES = 8 * LIMITS.bytesPerWrite;

/** @throws Error when it goes on for longer than anything InfluxDB says */
async function wholeText(response: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MOST_ANSWER_BYTES) throw new Error(`the answer has more than ${MOST_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function addressOf(url: string, path: string): string {
  return `${url.replace(/\/+$/, '')}${path}`;
}

/** Level 1: 5,000 points shrink to a tenth in 1.5 ms; the default level takes 3 times as long for a quarter less. */
export async function compressed(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return compress(bytes, { level: constants.Z_BEST_SPEED });
}

/** Why there is no answer. */
export function noAnswer(error: unknown): { readonly cause: RetryCause; readonly detail: string } {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  return timedOut
    ? { cause: 'timeout', detail: 'no answer in time' }
    : { cause: 'unreachable', detail: describeError(error) };
}
