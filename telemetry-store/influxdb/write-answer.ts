import type { RetryCause } from '#telemetry-store/telemetry-store.ts';

/** What InfluxDB, or something before it, answered to a write. */
export interface WriteAnswer {
  readonly status: number;
  readonly body: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

export type Verdict =
  /** Every point is stored. */
  | { readonly kind: 'stored' }
  /** At least one point is refused for good; nothing is known for certain about the others. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The same request may be accepted later. */
  | { readonly kind: 'retry'; readonly cause: RetryCause; readonly detail: string; readonly afterMs?: number }
  /** No request will be accepted until a person changes something. */
  | { readonly kind: 'misconfigured'; readonly detail: string };

/**
 * The table from answers to what they mean, from the source of InfluxDB 2.7 (`http/write_handler.go`,
 * `v1/coordinator/points_writer.go`) and seen on the real server (`write-answer.real.test.ts`).
 *
 * 400 and 422 blame points only when InfluxDB itself says so: a proxy, or a TLS port that is spoken to in plain
 * HTTP, answers 400 as well, and must not cost a single reading.
 *
 * @param nowMs for `Retry-After` with a date.
 */
export function judgeAnswer(answer: WriteAnswer, nowMs: number): Verdict {
  const { status } = answer;
  const { code, message } = explanationOf(answer);
  const retry = (cause: RetryCause): Verdict => {
    const afterMs = waitOf(answer.retryAfter, nowMs);
    return { kind: 'retry', cause, detail: message, ...(afterMs !== undefined && { afterMs }) };
  };
  switch (status) {
    case 204:
      return { kind: 'stored' };
    case 400:
      return code === 'invalid' ? { kind: 'refused', reason: message } : misconfigured(message, 'INFLUX_URL');
    case 422:
      return code === 'unprocessable entity'
        ? { kind: 'refused', reason: message }
        : misconfigured(message, 'INFLUX_URL');
    case 413:
      return { kind: 'refused', reason: message };
    case 401:
    case 403:
      return misconfigured(message, 'INFLUX_TOKEN');
    case 404:
      return misconfigured(message, 'INFLUX_ORG, INFLUX_BUCKET or INFLUX_URL');
    case 408:
    case 504:
      return retry('timeout');
    case 429:
    case 503:
      return retry('overloaded');
    default:
      if (status < 500) return misconfigured(message, 'INFLUX_URL');
      return retry(/no space left on device/i.test(message) ? 'storage-full' : 'server-error');
  }
}

function misconfigured(message: string, variables: string): Verdict {
  return { kind: 'misconfigured', detail: `${message} (check ${variables})` };
}

/** InfluxDB answers `{"code", "message"}`; anything else is quoted from its beginning. */
function explanationOf({ status, body }: WriteAnswer): { readonly code: unknown; readonly message: string } {
  try {
    const { code, message } = JSON.parse(body) as { code?: unknown; message?: unknown };
    if (typeof message === 'string' && message !== '') return { code, message };
  } catch {
    // Not InfluxDB's JSON: some proxy's page.
  }
  const beginning = body.replace(/\s+/g, ' ').trim().slice(0, 200);
  return { code: undefined, message: `HTTP ${status}${beginning === '' ? '' : `: ${beginning}`}` };
}

/** RFC 9110, 10.2.3: seconds, or a date. Whoever waits cuts it: it may be nonsense. */
function waitOf(retryAfter: string | null, nowMs: number): number | undefined {
  if (retryAfter === null) return undefined;
  const waitMs = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.max(waitMs, 0);
}
