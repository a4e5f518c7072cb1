import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { batchesOf, boundedRejects } from '#contract/mapping/mapped-records.ts';

const mapped = (device: string, ts: number, padding = '') => {
  const reading = { schema: 'pump/1', ts, values: { mode: padding } };
  const json = JSON.stringify(reading);
  return { device, reading, json, bytes: Buffer.byteLength(json), path: '' };
};

describe('records of mapped readings', () => {
  it('[P4] hold what each device sent, in its order, within the bounds of a record', () => {
    const readings = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(0, 10, 20_000)), {
      maxLength: 1_200,
    });
    fc.assert(
      fc.property(readings, (list) => {
        const all = list.map(([device, length], ts) => mapped(device, ts, 'x'.repeat(length)));
        const batches = batchesOf(all);
        for (const device of ['a', 'b', 'c']) {
          const own = batches
            .filter(({ deviceId }) => deviceId === device)
            .flatMap((batch) => batch.readings);
          expect(own).toEqual(all.filter((it) => it.device === device).map(({ reading }) => reading));
        }
        for (const { value, readings: kept } of batches) {
          expect(value.length).toBeLessThanOrEqual(LIMITS.payloadBytes);
          expect(kept.length).toBeLessThanOrEqual(LIMITS.readingsPerMessage);
          expect(JSON.parse(Buffer.from(value).toString())).toEqual(kept.length === 1 ? kept[0] : kept);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('letters of one message are bounded in bytes; the last one stands for the rest', () => {
    const rejects = Array.from({ length: 100 }, (_, at) => ({
      reason: 'mapping-failed' as const,
      detail: {},
      path: `/${at}`,
    }));
    expect(boundedRejects(rejects, 100)).toBe(rejects);
    const bounded = boundedRejects(rejects, LIMITS.payloadBytes);
    expect(bounded).toHaveLength(LIMITS.mappedBytes / LIMITS.payloadBytes);
    expect(bounded.at(-1)).toEqual({
      reason: 'mapping-failed',
      detail: expect.objectContaining({ message: '85 elements were refused' }),
    });
    expect(boundedRejects(rejects, 10 * LIMITS.mappedBytes)).toHaveLength(1);
  });
});
