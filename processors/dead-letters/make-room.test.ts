import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { deadLettersLock } from './dead-letters-lock.ts';
import { dismissLetters } from './dismiss.ts';
import { readLetterStates } from './letter-states.ts';
import { type Letter, readLetters, statusOf } from './letters.ts';
import { DeadLetterMonitor, startDeadLetterMonitor } from './monitor.ts';
import {
  appendLetter,
  appendLetters,
  letterFor,
  openTestLog,
  TOPICS,
  testDeps,
  withCalls,
} from './testing/log-with-letters.ts';

const MAX_DEVICE_BYTES = 1_500_000;
const options = { topics: TOPICS, retentionMs: 3_600_000 };
const never = new AbortController().signal;

/** Bytes that are no JSON and cannot be made smaller. */
const bad = (which: number, outputLength = 200_000) =>
  createHash('shake256', { outputLength }).update(String(which)).digest();

describe('room for letters in their share', () => {
  const start = async (maxBytes = 8 * MAX_DEVICE_BYTES) => {
    const under = await openTestLog({ maxBytes, maxDeviceBytes: MAX_DEVICE_BYTES });
    onTestFinished(() => under[Symbol.asyncDispose]());
    const deps = { ...testDeps(), eventLog: under.log };
    const dismissed = async () =>
      (await deps.metrics.getSingleMetric('dead_letters_duplicates_dismissed_total')?.get())?.values[0]
        ?.value;
    return { log: under.log, deps, dismissed };
  };
  const lettersOf = async (log: EventLog): Promise<Letter[]> =>
    Array.fromAsync(readLetters(log, TOPICS, await readLetterStates(log, TOPICS)));
  const pendingOf = async (log: EventLog) =>
    (await lettersOf(log)).filter((letter) => statusOf(letter) === 'pending').map(({ offset }) => offset);

  test('[P2] [P6] a device that sends one bad message for ever is never held up, and one letter of it waits', async () => {
    const { log, deps, dismissed } = await start();
    await using _monitor = startDeadLetterMonitor(options, deps);
    const twice = () => Array.from({ length: 2 }, () => letterFor('broken', bad(0)));
    for (let i = 0; i < 20; i++) await appendLetters(log, twice());
    expect(await dismissed()).toBeGreaterThan(30);
    const expired = await deps.metrics.getSingleMetric('dead_letters_expired_total')?.get();
    expect(expired?.values.filter(({ value }) => value > 0)).toEqual([]);
    const letters = await lettersOf(log);
    expect(letters.at(-1)).toMatchObject({ offset: 39, payload: bad(0), state: undefined });
    expect(letters.length).toBeLessThan(8);
  });

  test('[P2] letters that differ stay, each of them, and only their device is held up', async () => {
    const { log, deps, dismissed } = await start();
    const monitor = new DeadLetterMonitor(options, deps);
    for (const device of ['other', 'other']) await appendLetter(log, letterFor(device, bad(0)));
    for (let i = 0; i < 7; i++) await appendLetter(log, letterFor('broken', bad(i)));
    const refused = log.append(
      { topic: TOPICS.deadLetters, key: 'broken', value: bad(7), headers: {} },
      performance.now() + 500,
    );
    await monitor.look(never);
    await expect(refused).rejects.toMatchObject({ code: 'not-durable' });
    expect(await dismissed()).toBe(0);
    expect(await pendingOf(log)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await appendLetter(log, letterFor('other', bad(1)));
    const reading = { topic: TOPICS.telemetry, key: 'broken', value: bad(8), headers: {} };
    await log.append(reading, performance.now() + 30_000);
  });

  test('duplicates of every device go when the share is crowded as a whole', async () => {
    const { log, deps } = await start(MAX_DEVICE_BYTES);
    const monitor = new DeadLetterMonitor(options, deps);
    for (let i = 0; i < 7; i++) await appendLetter(log, letterFor(`device-${i % 2}`, bad(0)));
    await monitor.look(never);
    expect(await pendingOf(log)).toEqual([5, 6]);
    const older = (await lettersOf(log)).filter(({ offset }) => offset < 5);
    for (const letter of older) {
      const kept = letter.deviceId === 'device-0' ? 6 : 5;
      expect(letter.state).toMatchObject({ outcome: 'duplicate', became: { offset: kept } });
    }
  });

  test('nothing goes while there is room', async () => {
    const { log, deps, dismissed } = await start();
    const monitor = new DeadLetterMonitor(options, deps);
    for (let i = 0; i < 4; i++) await appendLetter(log, letterFor('broken', bad(0)));
    await monitor.look(never);
    expect(await dismissed()).toBe(0);
    expect(await pendingOf(log)).toEqual([0, 1, 2, 3]);
  });

  test('[P2] waits while a replay runs; then keeps what is pending now', async () => {
    const { log, deps, dismissed } = await start();
    const monitor = new DeadLetterMonitor(options, deps);
    for (let i = 0; i < 7; i++) await appendLetter(log, letterFor('broken', bad(0)));
    {
      await using _held = await log.acquireLock(deadLettersLock(TOPICS));
      await monitor.look(never);
      expect(await dismissed()).toBe(0);
    }
    // The newest is dealt with between the look's reading and its lock.
    let dealtWith = false;
    const eventLog = withCalls(log, {
      acquireLock: async (name: string) => {
        if (!dealtWith) {
          dealtWith = true;
          await dismissLetters(
            { filter: { ids: new Set(['0-6']) }, dryRun: false, signal: never },
            {
              eventLog: log,
              topics: TOPICS,
              now: Date.now,
            },
          );
        }
        return log.acquireLock(name);
      },
    });
    await new DeadLetterMonitor(options, { ...testDeps(), eventLog }).look(never);
    expect(await pendingOf(log)).toEqual([5]);
  });
});
