import { expect, test } from 'vitest';
import { BrokerClocks, KNOWN_FOR_MS } from './broker-clocks.ts';

const HOUR_MS = 3_600_000;
const answer = (...times: number[]) => [
  {
    topicName: 'readings',
    partitions: times.map((time, partition) => ({
      partition,
      errorCode: time === 0 ? 7 : 0,
      baseOffset: '0',
      logAppendTime: String(time),
    })),
  },
];
const describe = (broker: number) => `broker ${broker}`;
/** @param setMs how far the wall clock was set by then */
const at = (wallMs: number, setMs = 0) => ({ wallMs: wallMs + setMs, monotonicMs: wallMs });

test.each([
  [1_000, 0],
  [1_500, 0],
  [2_000, 0],
  [2_000 + HOUR_MS, HOUR_MS],
  [HOUR_MS, HOUR_MS - 2_000],
  [600, -400],
])('what a broker appended at %i of its clock, between 1000 and 2000 of ours, is %i ahead', (time, ahead) => {
  expect(new BrokerClocks().compare(1, answer(0, -1, time), at(1_000), at(2_000))).toBe(ahead);
});

test('the answer of a topic without times of the log says nothing', () => {
  const clocks = new BrokerClocks();
  expect(clocks.compare(1, answer(-1, 0), at(1_000), at(2_000))).toBeUndefined();
  expect(clocks.trouble(describe)).toBeUndefined();
});

const now = 1_764_000_000_000;

test('[P7] the broker whose clock differs is named, until it does not any more', () => {
  const clocks = new BrokerClocks();
  clocks.compare(1, answer(now - 4 * 60_000), at(now), at(now));
  expect(clocks.trouble(describe)).toBeUndefined();
  clocks.compare(2, answer(now + 2 * HOUR_MS), at(now), at(now));
  expect(clocks.trouble(describe)).toBe("the clock of broker 2 is 2.0 h ahead of this machine's");
  clocks.compare(2, answer(now - HOUR_MS), at(now), at(now));
  expect(clocks.trouble(describe)).toBe("the clock of broker 2 is 1.0 h behind this machine's");
  clocks.compare(2, answer(now), at(now), at(now));
  expect(clocks.trouble(describe)).toBeUndefined();
});

test('[P7] a broker that confirms nothing any more is forgotten after ten minutes, whatever our clock says', () => {
  const clocks = new BrokerClocks();
  clocks.compare(1, answer(now + HOUR_MS), at(now), at(now));
  clocks.compare(2, answer(now), at(now), at(now));
  clocks.compare(2, answer(now + 1), at(now + 1), at(now + 1));
  expect(clocks.forget(now + KNOWN_FOR_MS)).toEqual([]);
  expect(clocks.trouble(describe)).toContain('broker 1');
  expect(clocks.forget(now + KNOWN_FOR_MS + 1)).toEqual([1]);
  expect(clocks.trouble(describe)).toBeUndefined();
  expect(clocks.forget(now + KNOWN_FOR_MS + 2)).toEqual([2]);
});

test.each([-2 * HOUR_MS, 2 * HOUR_MS, -1_001])(
  'an append during which our clock was set by %i ms says nothing of the broker',
  (setMs) => {
    const clocks = new BrokerClocks();
    expect(clocks.compare(1, answer(now + 10), at(now), at(now + 20, setMs))).toBeUndefined();
    expect(clocks.trouble(describe)).toBeUndefined();
    expect(clocks.compare(1, answer(now + 30 + setMs), at(now + 20, setMs), at(now + 40, setMs))).toBe(0);
  },
);
