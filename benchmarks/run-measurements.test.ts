import { describe, expect, it } from 'vitest';
import type { Measurement } from './plan.ts';
import { runMeasurements } from './run-measurements.ts';

/** A run on a clock of its own: each measurement takes as long as it says, times `slowness`. */
function bench(slowness = 1) {
  const order: string[] = [];
  const said: string[] = [];
  const written: [string, number][] = [];
  const end = new AbortController();
  let now = 0;
  const measurement = (name: string, seconds: number, fails?: () => string | undefined): Measurement => ({
    name,
    seconds,
    measure: async () => {
      order.push(name);
      now += seconds * slowness * 1000;
      const why = fails?.();
      if (why !== undefined) throw new Error(why);
      return { figure: order.length };
    },
  });
  const run = (all: readonly Measurement[], rounds: number, earlier = {}) =>
    runMeasurements(all, rounds, new Map(Object.entries(earlier)), {
      say: (line) => said.push(line),
      signal: end.signal,
      now: () => now,
      measured: (name, runs) => written.push([name, runs.length]),
    });
  return { order, said, written, end, measurement, run };
}

describe('a run of the benchmark', () => {
  it('measures kind by kind, within a kind round by round, and hands over each result at once', async () => {
    const { order, written, measurement, run } = bench();
    const all = ['a: one', 'a: two', 'b'].map((name) => measurement(name, 1));
    const { runs, missing } = await run(all, 2);
    expect(order).toEqual(['a: one', 'a: two', 'a: one', 'a: two', 'b', 'b']);
    expect(written.map(([name]) => name)).toEqual(order);
    expect(written.map(([, rounds]) => rounds)).toEqual([1, 1, 2, 2, 1, 2]);
    expect(runs.get('a: two')).toEqual([{ figure: 2 }, { figure: 4 }]);
    expect(missing).toEqual([]);
  });

  it('says how long is left: by what was measured, and for the others as much slower as those were', async () => {
    const { said, measurement, run } = bench(2);
    await run([measurement('a', 60), measurement('b', 600)], 2);
    expect(said.map((line) => /\(about (.*) left\)/.exec(line)?.[1])).toEqual([
      '22 min',
      '42 min',
      '40 min',
      '20 min',
    ]);
  });

  it('loses nothing by one that fails, which is tried no more and told at the end', async () => {
    const { order, said, measurement, run } = bench();
    let tries = 0;
    const second = () => (++tries === 2 ? 'Kafka is gone' : undefined);
    const all = [measurement('a: one', 1, second), measurement('a: two', 1), measurement('b', 1)];
    const { runs, missing } = await run(all, 3);
    expect(order.filter((name) => name === 'a: one')).toHaveLength(2);
    expect(Array.from(runs, ([name, rounds]) => [name, rounds.length])).toEqual([
      ['a: one', 1],
      ['a: two', 3],
      ['b', 3],
    ]);
    expect(missing).toEqual([{ name: 'a: one', why: 'Kafka is gone' }]);
    expect(said).toContain('a: one failed, and is left out: Kafka is gone');
  });

  it('interrupted, has what was measured, and goes on from there', async () => {
    const first = bench();
    const interrupt = (): string | undefined => {
      if (first.order.length < 3) return undefined;
      first.end.abort();
      return 'killed';
    };
    const names = ['a: one', 'a: two', 'b'];
    const { runs, missing } = await first.run(
      names.map((name) => first.measurement(name, 1, interrupt)),
      2,
    );
    expect(first.order).toHaveLength(3);
    expect(Object.fromEntries(runs)).toEqual({ 'a: one': [{ figure: 1 }], 'a: two': [{ figure: 2 }] });
    expect(missing).toEqual([
      { name: '3 of 3 measurements', why: expect.stringMatching(/^interrupted .*--resume/) },
    ]);
    const second = bench();
    const rest = await second.run(
      names.map((name) => second.measurement(name, 1)),
      2,
      Object.fromEntries(runs),
    );
    expect(second.order).toEqual(['a: one', 'a: two', 'b', 'b']);
    expect(rest.runs.get('a: two')).toEqual([{ figure: 2 }, { figure: 2 }]);
    expect(rest.missing).toEqual([]);
  });
});
