import { describe, expect, test } from 'vitest';
import { judgeAnswer, type Verdict } from './write-answer.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

const judge = (status: number, body: string, retryAfter: string | null = null) =>
  judgeAnswer({ status, body, retryAfter }, NOW);
const influx = (code: string, message: string) => JSON.stringify({ code, message });

describe('what an answer to a write means', () => {
  // The rows that a real InfluxDB gives are also in write-answer.real.test.ts.
  test.each<[string, number, string, Verdict]>([
    ['success', 204, '', { kind: 'stored' }],
    ['bad line', 400, influx('invalid', 'unable to parse'), { kind: 'refused', reason: 'unable to parse' }],
    ['bad point', 422, influx('unprocessable entity', 'dropped=1'), { kind: 'refused', reason: 'dropped=1' }],
    [
      'too large',
      413,
      '<html>\n<h1>nginx</h1>',
      { kind: 'refused', reason: 'HTTP 413: <html> <h1>nginx</h1>' },
    ],
    [
      'server error',
      500,
      influx('internal error', 'boom'),
      { kind: 'retry', cause: 'server-error', detail: 'boom' },
    ],
    [
      'full disk',
      500,
      influx('internal error', 'engine: error writing WAL entry: write: no space left on device'),
      {
        kind: 'retry',
        cause: 'storage-full',
        detail: 'engine: error writing WAL entry: write: no space left on device',
      },
    ],
    ['bad gateway', 502, '', { kind: 'retry', cause: 'server-error', detail: 'HTTP 502' }],
    ['overloaded', 503, 'busy', { kind: 'retry', cause: 'overloaded', detail: 'HTTP 503: busy' }],
    ['rate limit', 429, 'slow', { kind: 'retry', cause: 'overloaded', detail: 'HTTP 429: slow' }],
    ['request time-out', 408, '', { kind: 'retry', cause: 'timeout', detail: 'HTTP 408' }],
    ['gateway time-out', 504, '', { kind: 'retry', cause: 'timeout', detail: 'HTTP 504' }],
  ])('%s: %d', (_, status, body, verdict) => {
    expect(judge(status, body)).toEqual(verdict);
  });

  test.each([
    ['no such token', 401, influx('unauthorized', 'unauthorized access'), 'INFLUX_TOKEN'],
    ['not allowed', 403, influx('forbidden', 'insufficient permissions'), 'INFLUX_TOKEN'],
    ['no such bucket', 404, influx('not found', 'bucket "x" not found'), 'INFLUX_BUCKET'],
    ['plain HTTP to a TLS port', 400, 'Client sent an HTTP request to an HTTPS server.\n', 'INFLUX_URL'],
    ["a proxy's 422", 422, '{"errors":["?"]}', 'INFLUX_URL'],
    ['another kind of server', 200, '<html>', 'INFLUX_URL'],
    ['a part may be missing', 201, '', 'INFLUX_URL'],
    ['moved', 301, '', 'INFLUX_URL'],
    ['not this method', 405, '', 'INFLUX_URL'],
  ])('blames no point, but the settings: %s: %d', (_, status, body, variable) => {
    const verdict = judge(status, body);
    expect(verdict.kind).toBe('misconfigured');
    expect(verdict).toHaveProperty('detail', expect.stringContaining(variable));
  });

  test.each([
    ['7', 7_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['999999999', 999_999_999_000],
    ['soon', undefined],
    [null, undefined],
  ])('Retry-After %j = %j ms', (header, afterMs) => {
    for (const status of [429, 503, 500]) {
      const verdict = judge(status, '', header);
      expect(verdict.kind === 'retry' ? verdict.afterMs : 'no retry').toBe(afterMs);
    }
  });

  test('never quotes more than the beginning of a page', () => {
    const verdict = judge(404, 'x'.repeat(100_000));
    expect(verdict.kind === 'misconfigured' && verdict.detail.length).toBeLessThan(400);
  });
});
