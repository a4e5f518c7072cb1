import { describe, expect, test } from 'vitest';
import { TopicHealth } from './topic-health.ts';

function known(partitions = 2): TopicHealth {
  const health = new TopicHealth();
  health.know(partitions);
  return health;
}

describe('up by evidence alone', () => {
  test('[P1] a topic that is known is not up before something succeeded', () => {
    const health = known();
    expect(health.problem).toBe('no partition can be written: not tried yet');
    expect(health.isUntried).toBe(true);
    expect(health.wanting(0)).toEqual([0, 1]);
    health.probed(0, undefined);
    expect(health.problem).toBeUndefined();
    expect(health.wanting(0)).toEqual([]);
  });

  test('[P1] a topic of which nothing is known yet is not up', () => {
    const health = new TopicHealth();
    expect(health.problem).toBe('no partition can be written: not tried yet');
    expect(health.isUntried).toBe(true);
    expect(health.wanting(0)).toEqual([]);
  });

  test('[P1] what was proven of a partition that is gone proves nothing of the others', () => {
    const health = known(3);
    health.appended(2);
    expect(health.problem).toBeUndefined();
    health.know(2);
    expect(health.problem).toBe('no partition can be written: not tried yet');
    health.know(3);
    expect(health.wanting(0)).toEqual([0, 1, 2]);
  });

  test('one partition that can be written is enough; when none can, each trouble is told', () => {
    const health = known();
    expect(health.appended(0)).toBe(true);
    expect(health.appended(0)).toBe(false);
    health.appended(1);
    health.failed(1, 'broker 1 (b:9092): refused', 0);
    expect(health.isUntried).toBe(false);
    expect(health.problem).toBeUndefined();
    health.failed(0, 'broker 0 (a:9092): refused', 0);
    expect(health.problem).toContain('broker 0 (a:9092): refused; broker 1 (b:9092): refused');
  });

  test('[P7] what one partition says of the topic as a whole counts for all of them, until a probe says otherwise', () => {
    const health = known();
    health.appended(0);
    health.appended(1);
    health.failedAltogether('broker 0 (a:9092): TOPIC_AUTHORIZATION_FAILED', 0);
    expect(health.problem).toContain('TOPIC_AUTHORIZATION_FAILED');
    expect(health.troubleOf(1)).toContain('TOPIC_AUTHORIZATION_FAILED');
    expect(health.wanting(60_000)).toEqual([0, 1]);
    health.probed(1, undefined);
    expect(health.problem).toBeUndefined();
    expect(health.troubleOf(1)).toBeUndefined();
  });

  test('of a partition that was not tried nothing is said', () => {
    expect(known().troubleOf(0)).toBeUndefined();
  });

  test('[P1] it stays down, however long nothing is tried, until the next success', () => {
    const health = known();
    health.appended(0);
    health.failed(0, 'gone', 0);
    health.know(2);
    for (const partition of health.wanting(3_600_000)) health.probed(partition, 'still gone');
    expect(health.problem).toContain('still gone');
    expect(health.appended(1)).toBe(true);
    expect(health.problem).toBeUndefined();
  });

  test('when no broker answers, what was proven has to be proven again', () => {
    const health = known();
    health.appended(0);
    health.doubt();
    expect(health.problem).toContain('not tried since Kafka was away');
    expect(health.wanting(0)).toEqual([0, 1]);
  });

  test('what may not be written counts from the first append on: readers need not be allowed to', () => {
    const health = known(1);
    health.forbidden(0, 'TOPIC_AUTHORIZATION_FAILED');
    expect(health.problem).toBeUndefined();
    expect(health.wanting(0)).toEqual([]);
    health.isWritten = true;
    expect(health.problem).toContain('TOPIC_AUTHORIZATION_FAILED');
    expect(health.wanting(0)).toEqual([0]);
  });

  test('trouble with a whole topic that is written stays until metadata say otherwise', () => {
    const health = known(1);
    health.appended(0);
    health.trouble = 'UNKNOWN_TOPIC_OR_PARTITION';
    expect(health.problem).toBeUndefined();
    health.isWritten = true;
    expect(health.problem).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });
});

test('probes that prove nothing are believed ever more rarely: no flapping', () => {
  const health = known(1);
  let flips = 0;
  for (let now = 0; now < 3_600_000; now += 100) {
    for (const partition of health.wanting(now)) {
      health.probed(partition, undefined);
      flips++;
    }
    if (health.problem === undefined) health.failed(0, 'REQUEST_TIMED_OUT', now);
  }
  // A probe a second would be 3,600.
  expect(flips).toBeLessThan(70);
  health.appended(0);
  health.failed(0, 'REQUEST_TIMED_OUT', 0);
  expect(health.wanting(1_000)).toEqual([0]);
});
