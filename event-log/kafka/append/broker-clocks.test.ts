import { expect, test } from 'vitest';
import { BrokerClocks } from './broker-clocks.ts';

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

test.each([
  [1_000, 0],
  [1_500, 0],
  [2_000, 0],
  [2_000 + HOUR_MS, HOUR_MS],
  [HOUR_MS, HOUR_MS - 2_000],
  [600, -400],
])('what a broker appended at %i of its clock, between 1000 and 2000 of ours, is %i ahead', (at, ahead) => {
  expect(new BrokerClocks().compare(1, answer(0, -1, at), 1_000, 2_000)).toBe(ahead);
});

test('the answer of a topic without times of the log says nothing', () => {
  const clocks = new BrokerClocks();
  expect(clocks.compare(1, answer(-1, 0), 1_000, 2_000)).toBeUndefined();
  expect(clocks.trouble(describe)).toBeUndefined();
});

test('[P7] the broker whose clock differs is named, until it does not any more', () => {
  const now = 1_764_000_000_000;
  const clocks = new BrokerClocks();
  clocks.compare(1, answer(now - 4 * 60_000), now, now);
  expect(clocks.trouble(describe)).toBeUndefined();
  clocks.compare(2, answer(now + 2 * HOUR_MS), now, now);
  expect(clocks.trouble(describe)).toBe("the clock of broker 2 is 2.0 h ahead of this machine's");
  clocks.compare(2, answer(now - HOUR_MS), now, now);
  expect(clocks.trouble(describe)).toBe("the clock of broker 2 is 1.0 h behind this machine's");
  clocks.compare(2, answer(now), now, now);
  expect(clocks.trouble(describe)).toBeUndefined();
});
