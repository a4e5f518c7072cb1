import { once } from 'node:events';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { startHttpServer } from '#runtime/http-server.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { StoreHealth, troubleKnown } from './store-health.ts';

const NOT_YET = 'the store has not answered yet';
const nothingWritten = { storeTrouble: undefined, storeTookAtMs: undefined };
const tookAt = (storeTookAtMs: number) => ({ storeTrouble: undefined, storeTookAtMs });

describe('what is known', () => {
  test.each([
    ['before any answer a store is not said to be well', nothingWritten, undefined, NOT_YET],
    ['an answer, when nothing was written', nothingWritten, { atMs: 1, trouble: '401' }, '401'],
    ['a good answer', nothingWritten, { atMs: 1, trouble: undefined }, undefined],
    [
      'a write that succeeded lately, whatever a question says',
      tookAt(80_001),
      { atMs: 99_000, trouble: '429' },
      undefined,
    ],
    ['an answer after writes have ended', tookAt(80_000), { atMs: 99_000, trouble: '429' }, '429'],
    [
      'a write that succeeded after the question',
      tookAt(50_000),
      { atMs: 49_000, trouble: '429' },
      undefined,
    ],
    ['a write that succeeded before any answer, long ago', tookAt(1), undefined, undefined],
    [
      'a write that failed, although a write of nothing would not',
      { storeTrouble: 'full', storeTookAtMs: 99_999 },
      { atMs: 99_000, trouble: undefined },
      'full',
    ],
  ])('[P7] %s', (_, writes, asked, trouble) => {
    expect(troubleKnown(writes, asked, 100_000)).toBe(trouble);
  });
});

test('[P7] /readyz waits for no store: thousands of requests of one connection are answered, and cost it one question', async () => {
  let questions = 0;
  const silent = {
    trouble: () => {
      questions++;
      return new Promise<undefined>(() => undefined);
    },
  };
  using health = new StoreHealth(silent, () => undefined, { askEveryMs: 1 });
  await using http = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    metrics: new Registry(),
    readiness: () => ({ store: { required: true, up: false, detail: health.trouble() ?? 'well' } }),
  });
  const requests = 3_000;
  const socket = connect(http.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'connect');
  socket.write('GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(requests));
  await eventually(() => expect(text.split(NOT_YET)).toHaveLength(requests + 1));
  socket.destroy();
  expect(questions).toBe(1);
});

test('[P7] the store is asked again and again, one question after the other, but not while writes succeed', async () => {
  let nowMs = 0;
  let writes = nothingWritten as { storeTrouble: undefined; storeTookAtMs: number | undefined };
  let underWay = 0;
  let most = 0;
  const answers: (string | undefined)[] = [];
  const store = {
    trouble: async () => {
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      answers.push(`answer ${answers.length}`);
      return answers.at(-1);
    },
  };
  let looks = 0;
  const seen = () => {
    looks++;
    return writes;
  };
  using health = new StoreHealth(store, seen, { askEveryMs: 1, monotonicMs: () => nowMs });
  expect(health.trouble()).toBe(NOT_YET);
  await eventually(() => expect(answers.length).toBeGreaterThan(2));
  expect(health.trouble()).toContain('answer');
  expect(most).toBe(1);

  writes = { ...writes, storeTookAtMs: 0 };
  await eventually(() => expect(underWay).toBe(0));
  const [before, looksBefore] = [answers.length, looks];
  await eventually(() => expect(looks).toBeGreaterThan(looksBefore + 20));
  expect(answers).toHaveLength(before);
  expect(health.trouble()).toBeUndefined();

  nowMs = 20_000;
  await eventually(() => expect(answers.length).toBeGreaterThan(before));
  await eventually(() => expect(health.trouble()).toContain('answer'));
});

test('a question that fails is trouble, and the next one may succeed', async () => {
  let isGone = true;
  const store = {
    trouble: async () => {
      if (isGone) throw new Error('gone');
      return undefined;
    },
  };
  using health = new StoreHealth(store, () => undefined, { askEveryMs: 1 });
  await eventually(() => expect(health.trouble()).toBe('gone'));
  isGone = false;
  await eventually(() => expect(health.trouble()).toBeUndefined());
});
