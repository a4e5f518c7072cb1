import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FrequentHistogram } from './frequent-histogram.ts';

const options = { name: 'some_seconds', help: 'Seconds', buckets: [0.001, 0.5, 1, 10] };

describe('frequent histogram', () => {
  it("tells a registry what prom-client's tells", async () => {
    const value = fc.oneof(
      fc.constantFrom(0, ...options.buckets),
      fc.double({ min: 0, max: 20, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value), async (seconds) => {
        const [expected, actual] = [new Registry(), new Registry()];
        const theirs = new Histogram({ ...options, registers: [expected] });
        const ours = new FrequentHistogram({ ...options, registers: [actual] });
        for (const each of seconds) {
          theirs.observe(each);
          ours.observe(each);
        }
        for (const none of [Number.NaN, Number.POSITIVE_INFINITY]) {
          expect(() => theirs.observe(none)).toThrow(TypeError);
          expect(() => ours.observe(none)).toThrow(TypeError);
        }
        expect(await actual.metrics()).toBe(await expected.metrics());
      }),
    );
  });
});
