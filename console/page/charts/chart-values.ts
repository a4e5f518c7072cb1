import type { Column } from '#console/api/flow.ts';

/** Times that are further apart than so many of the usual steps have a gap between them. */
const STEPS = 5;

export interface Drawn {
  readonly times: readonly number[];
  readonly values: Column;
}

/**
 * With an empty place in every gap, so that no line is drawn through a time of which nothing is known. Pure.
 *
 * @param times ascending
 */
export function withGaps(times: readonly number[], values: Column): Drawn {
  const steps = times.slice(1).map((time, index) => time - (times[index] as number));
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const drawn: { times: number[]; values: (number | null)[] } = { times: [], values: [] };
  for (const [index, time] of times.entries()) {
    const step = index === 0 ? 0 : (steps[index - 1] as number);
    if (step > STEPS * usual) {
      drawn.times.push(time - step / 2);
      drawn.values.push(null);
    }
    drawn.times.push(time);
    drawn.values.push(values[index] ?? null);
  }
  return drawn;
}

/** What is further out is not drawn: from the one to the other end of these is still a number. */
const MOST = Number.MAX_VALUE / 8;
/** Values that differ by less are the same, but for the way that numbers are kept. */
const SAME = 1e-9;

/** From where to where measured values are drawn: around them, with room; what is always the same in the middle. Pure. */
export function rangeAround(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const [low, high] = [min, max].map((end) => Math.max(-MOST, Math.min(MOST, end))) as [number, number];
  const size = Math.max(Math.abs(low), Math.abs(high));
  const spread = high - low;
  const room = spread > size * SAME ? spread * 0.1 : size * 0.1 || 1;
  return [low - room, high + room];
}
