import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import type { PipelineError } from '#runtime/errors.ts';
import { DatabaseThread, type DatabaseThreadOptions, THREAD_DIED } from './database-thread.ts';

interface FragileCalls {
  ping(): string;
  fail(): void;
  explode(): void;
}

const module = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const served = (served: string) =>
  module(`
    import { serveDatabase } from ${JSON.stringify(import.meta.resolve('./serve-database.ts'))};
    serveDatabase((emit) => { ${served} });`);

/** A thread that opens, answers `ping`, and ends when it is told to `explode`. */
const fragile = served(`
  emit('hello');
  const fail = () => { throw Object.assign(new Error('no room'), { errcode: 13 }); };
  return { calls: { ping: () => 'pong', explode: () => process.exit(3), fail }, [Symbol.dispose]() {} };`);

function setUp(changes: Partial<DatabaseThreadOptions<string>>) {
  const deaths: { death: PipelineError; lostCalls: number }[] = [];
  const events: string[] = [];
  const thread = new DatabaseThread<FragileCalls, string>({
    name: 'test file',
    entry: fragile,
    workerData: undefined,
    code: 'store-unavailable',
    afterDeath: 'stay-dead',
    onDeath: (death, lostCalls) => void deaths.push({ death, lostCalls }),
    onEvent: (event) => void events.push(event),
    ...changes,
  });
  return { thread, deaths, events };
}

describe('a thread that dies says so and fails its calls', () => {
  const death = {
    code: 'store-unavailable',
    reason: THREAD_DIED,
    message: 'a thread of the test file ended: it ended by itself',
  };

  test('[P7] stay-dead: and every later one', async () => {
    const { thread, deaths } = setUp({});
    expect(await thread.call('ping', undefined)).toBe('pong');
    const calls = [thread.call('explode', undefined), thread.call('ping', undefined)];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ reason: { ...death, retryable: false } });
    expect(deaths).toMatchObject([{ death, lostCalls: 2 }]);
    await expect(thread.call('ping', undefined)).rejects.toMatchObject(death);
    await thread.close();
    expect(deaths).toHaveLength(1);
  });

  test('start-another: and the next call starts another one', async () => {
    const { thread, deaths } = setUp({ afterDeath: 'start-another' });
    const calls = [thread.call('explode', undefined), thread.call('ping', undefined)];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ reason: { ...death, retryable: true } });
    expect(deaths).toMatchObject([{ death, lostCalls: 2 }]);
    expect(await thread.call('ping', undefined)).toBe('pong');
    await thread.close();
  });
});

test('a failure of one call is its own, and the thread goes on', async () => {
  const { thread, deaths, events } = setUp({});
  await expect(thread.call('fail', undefined)).rejects.toMatchObject({
    code: 'store-unavailable',
    reason: 'full',
    retryable: true,
    message: 'test file: no room',
  });
  expect(await thread.call('ping', undefined)).toBe('pong');
  expect(events).toEqual(['hello']);
  await thread.close();
  expect(deaths).toEqual([]);
});

test('calls made before closing are answered, later ones refused', async () => {
  const { thread } = setUp({});
  const ping = thread.call('ping', undefined);
  await thread.close();
  expect(await ping).toBe('pong');
  await expect(thread.call('ping', undefined)).rejects.toMatchObject({ code: 'closed' });
});

test('a thread that cannot open its file says why, to the opener and to those who called meanwhile', async () => {
  const { thread, deaths } = setUp({ entry: served(`throw new Error('no such folder');`) });
  const refusal = { code: 'configuration', message: 'no such folder', retryable: false };
  const opening = thread.open();
  const call = thread.call('ping', undefined);
  await expect(opening).rejects.toMatchObject(refusal);
  await expect(call).rejects.toMatchObject(refusal);
  expect(deaths).toMatchObject([{ death: refusal, lostCalls: 1 }]);
  await thread.close();
});

test('buffers that a thread has no use for any more are not held', async () => {
  // As in a process that stays (`runtime/memory-flags.mjs`); the thread begins after it.
  setFlagsFromString('--expose-gc');
  const entry = served(`
    const pass = () => { new Uint8Array(256 * 1024).fill(1); return process.memoryUsage().arrayBuffers; };
    return { calls: { pass }, [Symbol.dispose]() {} };`);
  const thread = new DatabaseThread<{ pass(): number }>({
    name: 'test file',
    entry,
    workerData: undefined,
    code: 'store-unavailable',
    afterDeath: 'stay-dead',
  });
  const held: number[] = [];
  for (let i = 0; i < 400; i++) held.push(await thread.call('pass', undefined));
  expect(Math.max(...held)).toBeLessThan(24 * 1024 * 1024);
  await thread.close();
});
