import { describe, expect, it } from 'vitest';
import { type Drop, DropPlan } from './drop-plan.ts';
import { randomStreams } from './random-stream.ts';

/** The drops of that many messages, by the number of the message. */
function drops(seed: number, messages: number): [number, Drop][] {
  const plan = new DropPlan(randomStreams(seed).next().value);
  return Array.from({ length: messages }, (_, n) => [n, plan.afterMessage()] as const).flatMap(([n, drop]) =>
    drop === undefined ? [] : [[n, drop]],
  );
}

describe('DropPlan', () => {
  it('drops about every fiftieth message, soon after it, for a while', () => {
    const all = drops(1, 50_000);
    expect(all.length).toBeGreaterThan(900);
    expect(all.length).toBeLessThan(1_100);
    for (const [, { inMs, awayMs }] of all) {
      expect(inMs).toBeLessThan(50);
      expect(awayMs).toBeLessThan(2_000);
    }
    expect(Math.max(...all.map(([, { awayMs }]) => awayMs))).toBeGreaterThan(1_900);
  });

  it('is repeated by its seed, and by no other', () => {
    expect(drops(7, 1_000)).toEqual(drops(7, 1_000));
    expect(drops(7, 1_000)).not.toEqual(drops(8, 1_000));
  });
});
