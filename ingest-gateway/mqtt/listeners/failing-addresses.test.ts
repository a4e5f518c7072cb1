import { describe, expect, it } from 'vitest';
import { FailingAddresses } from './failing-addresses.ts';

/** So many a second may fail of a known address, 1 of a stranger, 100 at once. */
const PER_SECOND = 50;

type Step =
  | readonly ['fail' | 'fail, paid' | 'let in' | 'enter' | 'pay back', address: string, times: number]
  | readonly ['pass', seconds: number]
  | readonly ['waits', address: string, seconds: number];

const table: readonly (readonly [what: string, ...steps: Step[]])[] = [
  ['nobody waits who did nothing', ['waits', 'a', 0]],
  ['what is allowed at once costs nothing', ['fail', 'a', 99], ['waits', 'a', 0]],
  ['a stranger waits after that, …', ['fail', 'a', 100], ['waits', 'a', 1]],
  ['… for longer, the more was under way', ['fail', 'a', 120], ['waits', 'a', 21]],
  ['… and after that once a second', ['fail', 'a', 100], ['pass', 1], ['fail', 'a', 1], ['waits', 'a', 1]],
  ['but for no more than half a minute', ['fail', 'a', 100_000], ['waits', 'a', 30]],
  ['a known one for seconds', ['let in', 'a', 1], ['fail', 'a', 100_000], ['waits', 'a', 5]],
  ['who waited long enough may go on', ['fail', 'a', 120], ['pass', 21], ['waits', 'a', 0]],
  [
    'from then on each pays in advance, …',
    ['let in', 'a', 1],
    ['fail', 'a', 100_000],
    ['pass', 100],
    ['waits', 'a', 0],
    ['enter', 'a', 100],
    ['waits', 'a', 1 / 50],
    ['fail, paid', 'a', 100],
    ['waits', 'a', 1 / 50],
  ],
  [
    '… gets it back that came in, …',
    ['let in', 'a', 1],
    ['fail', 'a', 100_000],
    ['pass', 100],
    ['waits', 'a', 0],
    ['enter', 'a', 100],
    ['pay back', 'a', 100],
    ['waits', 'a', 0],
  ],
  [
    '… and no more when it had not to wait for five minutes',
    ['fail', 'a', 100_000],
    ['pass', 301],
    ['enter', 'a', 1_000],
    ['waits', 'a', 0],
  ],
  ['who did nothing pays nothing in advance', ['enter', 'a', 1_000], ['waits', 'a', 0]],
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
    ['fail', 'a', 129],
    ['let in', 'a', 1],
    ['waits', 'a', 0.6],
  ],
];

function setUp() {
  let now = 0;
  const failing = new FailingAddresses({ failuresPerSecondPerAddress: PER_SECOND }, () => now);
  const acts = {
    fail: (address: string) => failing.failed(address),
    'fail, paid': (address: string) => failing.failed(address, true),
    'let in': (address: string) => failing.letIn(address),
    enter: (address: string) => failing.entered(address),
    'pay back': (address: string) => failing.payBack(address),
  };
  const times = (count: number, act: () => void) => Array.from({ length: count }, act);
  return {
    failing,
    take(step: Step): void {
      if (step[0] === 'pass') now += step[1] * 1000;
      else if (step[0] === 'waits') expect(failing.waitMs(step[1]) / 1000).toBeCloseTo(step[2], 2);
      else times(step[2], acts[step[0]].bind(undefined, step[1]));
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
