import { expect, test, vi } from 'vitest';
import type { StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { storeInTime } from './store-in-time.ts';

const READING: StoredReading = { deviceId: 'dev-1', schema: 'environment/1', ts: 1, values: {} };
const RANGE = { fromMs: 0, toMs: 2 };
const AWAY = { code: 'store-unavailable', message: 'the store has not answered for 0.02 s' };

function storeOf(rows: () => AsyncIterable<StoredReading>): Pick<TelemetryStore, 'latest' | 'scan'> {
  return { latest: () => Array.fromAsync(rows()), scan: () => rows() };
}
const silence = new Promise<never>(() => undefined);

test('what a store answers is handed on, its failure too; who has enough lets go of it', async () => {
  let isLeft = false;
  const two = storeInTime(
    storeOf(async function* () {
      try {
        yield READING;
        yield READING;
      } finally {
        isLeft = true;
      }
    }),
  );
  expect(await two.latest('dev-1', 5)).toEqual([READING, READING]);
  isLeft = false;
  for await (const reading of two.scan(RANGE)) {
    expect(reading).toEqual(READING);
    break;
  }
  expect(isLeft).toBe(true);
  const failing = storeInTime(
    storeOf(async function* () {
      yield READING;
      throw new Error('it is read-only');
    }),
  );
  await expect(failing.latest('dev-1', 5)).rejects.toThrow('it is read-only');
  await expect(Array.fromAsync(failing.scan(RANGE))).rejects.toThrow('it is read-only');
});

test('one that is silent is away, from its beginning or after some readings', async () => {
  const silent = storeInTime(
    storeOf(async function* () {
      yield READING;
      await silence;
    }),
    20,
  );
  await expect(silent.latest('dev-1', 5)).rejects.toMatchObject(AWAY);
  const seen: StoredReading[] = [];
  const reading = (async () => {
    for await (const it of silent.scan(RANGE)) seen.push(it);
  })();
  await expect(reading).rejects.toMatchObject(AWAY);
  expect(seen).toEqual([READING]);
});

test('a scan may take as long as it likes, as long as its store goes on answering; so may who reads it', async () => {
  vi.useFakeTimers();
  using _clock = { [Symbol.dispose]: () => vi.useRealTimers() };
  const slow = storeInTime(
    storeOf(async function* () {
      for (let second = 0; second < 5; second++) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        yield READING;
      }
      await silence;
    }),
    3_000,
  );
  const seen: StoredReading[] = [];
  const reading = (async () => {
    for await (const it of slow.scan(RANGE)) {
      seen.push(it);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
    }
  })();
  const failed = expect(reading).rejects.toMatchObject({ message: 'the store has not answered for 3 s' });
  await vi.advanceTimersByTimeAsync(60_000);
  await failed;
  expect(seen).toHaveLength(5);
  expect(vi.getTimerCount()).toBe(0);
});
