import { describe, expect, test, vi } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import type { Point, WriteOutcome } from '#telemetry-store/telemetry-store.ts';
import { SharedWrites, SLOW_MS, sharesToWrite } from './shared-writes.ts';

const limits = { pointsPerWrite: 10, bytesPerWrite: 1_000 };
const takeAll: WriteOutcome = { kind: 'written', rejected: [] };
const points = (device: string, count: number): Point[] =>
  Array.from({ length: count }, (_, timestamp) => ({
    measurement: 'm',
    deviceId: device,
    timestamp,
    fields: [],
  }));
const forever = new AbortController().signal;

describe('which of those that wait go together', () => {
  const waiting = (...sizes: number[]) => sizes.map((size) => ({ points: { length: size }, bytes: size }));

  test.each([
    ['few points go together when nothing is under way', waiting(1, 2, 1), 0, 3],
    ['few points wait for the write under way', waiting(1, 2, 1), 1, 0],
    ['what half fills a write goes beside others', waiting(1, 5), 1, 2],
    ['… up to a bound', waiting(1, 5), 4, 0],
    ['no more than one write may hold', waiting(6, 4, 1), 0, 2],
    ['too much of one caller goes alone', waiting(25, 1), 3, 1],
  ])('%s', (_, shares, inFlight, expected) => {
    expect(sharesToWrite({ shares, inFlight }, limits)).toBe(expected);
  });

  test('[P5] a slow write holds up nobody, but counts', () => {
    expect(sharesToWrite({ shares: waiting(1, 2), inFlight: 2, slow: 2 }, limits)).toBe(2);
    expect(sharesToWrite({ shares: waiting(1, 2), inFlight: 2, slow: 1 }, limits)).toBe(0);
    expect(sharesToWrite({ shares: waiting(1, 2), inFlight: 4, slow: 4 }, limits)).toBe(0);
  });

  test('bytes bound a write like points do', () => {
    const shares = [1, 2].map(() => ({ points: { length: 1 }, bytes: 600 }));
    expect(sharesToWrite({ shares, inFlight: 0 }, limits)).toBe(1);
  });
});

describe('shared writes', () => {
  function writing(answer: (points: readonly Point[], signal?: AbortSignal) => Promise<WriteOutcome>) {
    const write = vi.fn(answer);
    const sizes: number[] = [];
    const writes = new SharedWrites({ store: { write }, limits, onWrite: (size) => void sizes.push(size) });
    return { writes, write, sizes };
  }

  test('what partitions bring in one turn is one write', async () => {
    const { writes, sizes } = writing(async () => takeAll);
    const outcomes = ['a', 'b', 'c'].map((device) => writes.write(points(device, 2), 2, forever));
    expect(await Promise.all(outcomes)).toEqual([takeAll, takeAll, takeAll]);
    expect(sizes).toEqual([6]);
  });

  test('[P5] each is told of its own refused points, by its own positions', async () => {
    const { writes } = writing(async (all) => ({
      kind: 'written',
      rejected: all.flatMap(({ deviceId, timestamp }, index) =>
        deviceId === 'b' && timestamp === 1 ? [{ index, reason: 'poison' }] : [],
      ),
    }));
    const outcomes = ['a', 'b', 'c'].map((device) => writes.write(points(device, 3), 3, forever));
    expect(await Promise.all(outcomes)).toEqual([
      takeAll,
      { kind: 'written', rejected: [{ index: 1, reason: 'poison' }] },
      takeAll,
    ]);
  });

  test('[P5] whose points are all refused is told that others were stored', async () => {
    const { writes } = writing(async () => ({ kind: 'written', rejected: [{ index: 0, reason: 'poison' }] }));
    const outcomes = ['a', 'b'].map((device) => writes.write(points(device, 1), 1, forever));
    expect(await Promise.all(outcomes)).toEqual([
      { kind: 'written', rejected: [{ index: 0, reason: 'poison' }], storedOthers: true },
      takeAll,
    ]);
  });

  test('[P5] points that make the store throw harm only who brought them', async () => {
    const { writes } = writing(async (all) => {
      if (all.some(({ deviceId }) => deviceId === 'a')) throw new Error('poison');
      return takeAll;
    });
    const [a, b] = ['a', 'b'].map((device) => writes.write(points(device, 1), 1, forever));
    await expect(a).rejects.toThrow('poison');
    expect(await b).toEqual(takeAll);
  });

  test('[P5] what waits for a write goes without it once that is slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const held = Promise.withResolvers<WriteOutcome>();
      const { writes, write } = writing(([point]) =>
        point?.deviceId === 'a' ? held.promise : Promise.resolve(takeAll),
      );
      const slow = writes.write(points('a', 1), 1, forever);
      await new Promise(setImmediate);
      const other = writes.write(points('b', 1), 1, forever);
      await new Promise(setImmediate);
      expect(write).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(SLOW_MS);
      expect(await other).toEqual(takeAll);
      held.resolve(takeAll);
      await slow;
    } finally {
      vi.useRealTimers();
    }
  });

  test('[P2] a store that takes nothing says so to all', async () => {
    const away: WriteOutcome = { kind: 'retry', cause: 'unreachable', detail: 'away' };
    const { writes } = writing(async () => away);
    const outcomes = ['a', 'b'].map((device) => writes.write(points(device, 1), 1, forever));
    expect(await Promise.all(outcomes)).toEqual([away, away]);
  });

  test('what comes during a small write waits for its end, and goes together', async () => {
    const held = Promise.withResolvers<WriteOutcome>();
    const { writes, write, sizes } = writing(() =>
      sizes.length === 0 ? held.promise : Promise.resolve(takeAll),
    );
    const first = writes.write(points('a', 1), 1, forever);
    await eventually(() => expect(write).toHaveBeenCalled());
    const others = ['b', 'c'].map((device) => writes.write(points(device, 1), 1, forever));
    await new Promise(setImmediate);
    expect(write).toHaveBeenCalledTimes(1);
    held.resolve(takeAll);
    await Promise.all([first, ...others]);
    expect(sizes).toEqual([1, 2]);
  });

  test('a lost partition is let go at once, and the write goes on for the others', async () => {
    const held = Promise.withResolvers<WriteOutcome>();
    let given: AbortSignal | undefined;
    const { writes, write } = writing((_, signal) => {
      given = signal;
      return held.promise;
    });
    const lost = [new AbortController(), new AbortController()] as const;
    const outcomes = lost.map(({ signal }, i) => writes.write(points(String(i), 1), 1, signal));
    await eventually(() => expect(write).toHaveBeenCalled());
    lost[0].abort();
    expect(await outcomes[0]).toMatchObject({ kind: 'retry', cause: 'aborted' });
    expect(given?.aborted).toBe(false);
    lost[1].abort();
    expect(given?.aborted).toBe(true);
    expect(await outcomes[1]).toMatchObject({ kind: 'retry', cause: 'aborted' });
    held.resolve(takeAll);
  });

  test('a partition that is lost while it waits sends nothing', async () => {
    const { writes, write } = writing(async () => takeAll);
    const lost = new AbortController();
    const outcome = writes.write(points('a', 1), 1, lost.signal);
    lost.abort();
    expect(await outcome).toMatchObject({ cause: 'aborted' });
    await new Promise(setImmediate);
    expect(write).not.toHaveBeenCalled();
  });
});
