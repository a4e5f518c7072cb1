import { describe, expect, it } from 'vitest';
import { FailingAddresses } from './failing-addresses.ts';

/** So many a second may fail of a known address, 1 of a stranger, 100 at once. */
const PER_SECOND = 50;

type Step =
  | readonly ['fail' | 'let in', address: string, times: number]
  | readonly ['pass', seconds: number]
  | readonly ['waits', address: string, seconds: number];

const table: readonly (readonly [what: string, ...steps: Step[]])[] = [
  ['nobody waits who did nothing', ['waits', 'a', 0]],
  ['what is allowed at once costs nothing', ['fail', 'a', 99], ['waits', 'a', 0]],
  ['a stranger waits after that, …', ['fail', 'a', 100], ['waits', 'a', 1]],
  ['… for longer, the more was under way', ['fail', 'a', 160], ['waits', 'a', 61]],
  ['… and after that once a second', ['fail', 'a', 100], ['pass', 1], ['fail', 'a', 1], ['waits', 'a', 1]],
  ['but for no more than five minutes', ['fail', 'a', 100_000], ['waits', 'a', 300]],
  ['who waited long enough may go on', ['fail', 'a', 160], ['pass', 61], ['waits', 'a', 0]],
  ['other addresses go on', ['fail', 'a', 1_000], ['waits', 'b', 0]],
  [
    'a failure a second harms nobody, for however long',
    ['fail', 'a', 99],
    ['pass', 90],
    ['fail', 'a', 90],
    ['waits', 'a', 0],
  ],
  ['a known address is slowed to its pace', ['let in', 'a', 1], ['fail', 'a', 150], ['waits', 'a', 51 / 50]],
  [
    'it fails fifty times a second',
    ['let in', 'a', 1],
    ['fail', 'a', 100],
    ['pass', 1],
    ['fail', 'a', 49],
    ['waits', 'a', 0],
  ],
  ['who comes in pays nothing', ['fail', 'a', 99], ['let in', 'a', 10_000], ['waits', 'a', 0]],
  [
    'a stranger that waited is known with its first device',
    ['fail', 'a', 149],
    ['let in', 'a', 1],
    ['waits', 'a', 1],
  ],
];

function setUp() {
  let now = 0;
  const failing = new FailingAddresses({ failuresPerSecondPerAddress: PER_SECOND }, () => now);
  const times = (count: number, act: () => void) => Array.from({ length: count }, act);
  return {
    failing,
    take(step: Step): void {
      if (step[0] === 'pass') now += step[1] * 1000;
      else if (step[0] === 'waits') expect(failing.waitMs(step[1]) / 1000).toBeCloseTo(step[2], 2);
      else times(step[2], () => (step[0] === 'fail' ? failing.failed(step[1]) : failing.letIn(step[1])));
    },
  };
}

describe('addresses that fail over and over [P10]', () => {
  it.each(table.map(([what, ...steps]) => ({ what, steps })))('$what', ({ steps }) => {
    const { take } = setUp();
    for (const step of steps) take(step);
  });

  it('remembers so many, and forgets who did nothing for the longest time', () => {
    const { failing } = setUp();
    for (let i = 0; i < 200; i++) failing.failed('busy');
    for (let i = 0; i < 60_000; i++) {
      failing.failed(`10.0.${i >> 8}.${i & 255}`);
      if (i % 1_000 === 0) failing.failed('busy');
    }
    expect(failing.size).toBeLessThanOrEqual(20_000);
    expect(failing.waitMs('busy')).toBeGreaterThan(0);
  });
});
