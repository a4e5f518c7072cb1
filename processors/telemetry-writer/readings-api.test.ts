import Fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Reading } from '#contract/reading.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readingsRoutes } from './readings-api.ts';

const newest: Reading = {
  schema: 'environment/1',
  ts: 2,
  seq: 1,
  values: { temperature: 21.5, humidity: 40 },
};

function ask(url: string, latest: (device: string, limit: number) => Promise<readonly Reading[]>) {
  const server = Fastify();
  onTestFinished(() => server.close());
  readingsRoutes({ latest })(server);
  return server.inject(url);
}

describe('GET /api/devices/{id}/readings', () => {
  test('answers the newest readings of the device', async () => {
    const asked: unknown[] = [];
    const latest = async (...question: [string, number]) => {
      asked.push(question);
      return [newest];
    };
    const answer = await ask('/api/devices/dev-1/readings?limit=10000', latest);
    expect([answer.statusCode, answer.json()]).toEqual([200, { device: 'dev-1', readings: [newest] }]);
    await ask('/api/devices/a%3A1/readings', latest);
    expect(asked).toEqual([
      ['dev-1', 10_000],
      ['a:1', 100],
    ]);
  });

  test.each([
    '/api/devices/dev%2F1/readings',
    '/api/devices/%22/readings',
    `/api/devices/${'x'.repeat(65)}/readings`,
    ...['0', '10001', '-1', '1.5', 'abc', '', '1e3', '1&limit=2'].map(
      (limit) => `/api/devices/dev-1/readings?limit=${limit}`,
    ),
  ])('[P10] %s is answered with 400 and what was expected', async (url) => {
    const answer = await ask(url, () => expect.unreachable('the store is not asked'));
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringMatching(/^(device id|limit): expected /) });
  });

  test('a store that is away is 503, with the reason', async () => {
    const away = () => Promise.reject(new PipelineError('store-unavailable', 'ECONNREFUSED'));
    const answer = await ask('/api/devices/dev-1/readings', away);
    expect([answer.statusCode, answer.json()]).toEqual([503, { error: 'ECONNREFUSED' }]);
  });
});
