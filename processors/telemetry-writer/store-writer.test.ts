import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import type { Point, TelemetryStore, WriteOutcome } from '#telemetry-store/telemetry-store.ts';
import { StoreWriter } from './store-writer.ts';
import { createWriterTelemetry } from './telemetry.ts';
import { depsWith } from './testing/pipeline-under-test.ts';

const QUICK = { retry: { firstDelayMs: 1, maxDelayMs: 1, jitter: 0 }, maxRequestedMs: 1, holdMs: 1 };
const run = { partition: 0, lost: new AbortController().signal, hurry: new AbortController().signal };

function entries(chunks: number) {
  return Array.from({ length: chunks * LIMITS.pointsPerWrite }, (_, i) => ({
    bytes: 1,
    point: { measurement: 'm', deviceId: `device-${i % 50}`, timestamp: i, fields: [] } satisfies Point,
  }));
}

function writing(answer: (points: readonly Point[]) => WriteOutcome, monotonicMs = () => performance.now()) {
  const deps = depsWith(new Registry());
  const store = { write: async (points: readonly Point[]) => answer(points) } as TelemetryStore;
  return new StoreWriter(
    { store, rejectAll: 'pause', delays: QUICK, monotonicMs },
    deps,
    createWriterTelemetry(deps, loadSchemas()),
  );
}

const refuseAll = (points: readonly Point[]): WriteOutcome => ({
  kind: 'written',
  rejected: points.map((_, index) => ({ index, reason: 'outside retention policy' })),
});
const takeAll: WriteOutcome = { kind: 'written', rejected: [] };

test('[P2] of a batch that sees a systemic fault nothing is dead-lettered for it, its first chunks included', async () => {
  const sizes: number[] = [];
  const writer = writing((points) => {
    sizes.push(points.length);
    return sizes.length <= 6 ? refuseAll(points) : takeAll;
  });
  const done: number[] = [];
  const refused = await writer.write(entries(4), run, (written) => done.push(written.length));
  const full = LIMITS.pointsPerWrite;
  expect(sizes).toEqual([full, full, full, 8, 8, 8, 8, full, full, full, full]);
  expect(refused).toEqual([]);
});

test('[P5] what is still refused after a systemic fault is dead-lettered', async () => {
  let writes = 0;
  const poison = (point: Point) => point.deviceId === 'device-7';
  const writer = writing((points) => {
    if (++writes <= 5) return refuseAll(points);
    const rejected = points.flatMap((point, index) => (poison(point) ? [{ index, reason: 'conflict' }] : []));
    return { kind: 'written', rejected };
  });
  const refused = await writer.write(entries(3), run, () => undefined);
  expect(refused).toHaveLength((3 * LIMITS.pointsPerWrite) / 50);
  expect(refused.every(({ entry, reason }) => poison(entry.point) && reason === 'conflict')).toBe(true);
});

test('a fault that ends for one partition ends for all', async () => {
  let broken = true;
  let probes = 0;
  const writer = writing((points) => {
    if (points.length < LIMITS.pointsPerWrite) probes++;
    return broken ? refuseAll(points) : takeAll;
  });
  const one = writer.write(entries(3), run, () => undefined);
  const other = writer.write(entries(3), { ...run, partition: 1 }, () => undefined);
  const probed = async (): Promise<void> => {
    while (probes < 4) await new Promise(setImmediate);
  };
  await probed();
  broken = false;
  expect((await Promise.all([one, other])).flat()).toEqual([]);
  expect(writer.trouble).toBeUndefined();
});

test('chunks that were written are not written again because a later one is not', async () => {
  const sizes: number[] = [];
  let failures = 3;
  const writer = writing((points) => {
    sizes.push(points.length);
    if (sizes.length > 1 && failures-- > 0) return { kind: 'retry', cause: 'overloaded', detail: '' };
    return takeAll;
  });
  await writer.write(entries(2), run, () => undefined);
  expect(sizes).toHaveLength(1 + 3 + 1);
});

test('a store that names a point it was not given is not believed', async () => {
  const writer = writing(() => ({ kind: 'written', rejected: [{ index: 90_000, reason: '' }] }));
  await expect(writer.write(entries(1), run, () => undefined)).rejects.toThrow(RangeError);
});

test('[P7] the trouble of a batch that was given up is told for a minute: not cleared by a rebalance, and no processor is down for ever', async () => {
  let nowMs = 0;
  const away: WriteOutcome = { kind: 'retry', cause: 'unreachable', detail: 'ECONNREFUSED' };
  let answer: WriteOutcome = away;
  const writer = writing(
    () => answer,
    () => nowMs,
  );
  const batch = (partition: number, stop: AbortController) =>
    writer.write(entries(1), { partition, lost: stop.signal, hurry: stop.signal }, () => undefined);
  const [lost, other] = [new AbortController(), new AbortController()];
  const writes = [batch(0, lost), batch(1, other)].map((write) => write.catch((error: Error) => error.name));
  while (writer.trouble === undefined) await new Promise(setImmediate);
  lost.abort();
  await writes[0];
  nowMs = 120_000;
  // The other one goes on trying, for however long.
  expect(writer.trouble).toContain('ECONNREFUSED');
  other.abort();
  await writes[1];
  nowMs += 59_999;
  expect(writer.trouble).toContain('ECONNREFUSED');
  nowMs += 1;
  expect(writer.trouble).toBeUndefined();
  expect(writer.tookAtMs).toBeUndefined();

  // Nor does it come back with the next batch, before the store has said anything to it.
  answer = takeAll;
  const written = batch(0, new AbortController());
  expect(writer.trouble).toBeUndefined();
  await written;
  expect(writer.tookAtMs).toBe(nowMs);
});
