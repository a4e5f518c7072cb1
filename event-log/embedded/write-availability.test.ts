import { expect, test } from 'vitest';
import { WriteAvailability } from './write-availability.ts';

const MIB = 1024 * 1024;

test('up until the first failure; down until as much as failed was written', () => {
  const availability = new WriteAvailability(1_000);
  expect(availability.health.up).toBe(true);
  availability.failed(200_000, 'full', 0);
  expect(availability.health).toEqual({ up: false, detail: 'full' });
  // Small records still fit, one after the other: no reason to say that the log is up.
  for (let i = 0; i < 100; i++) availability.wrote(100);
  expect(availability.health.up).toBe(false);
  availability.wrote(200_000);
  expect(availability.health).toEqual({ up: true, detail: '' });
  // What failed then is forgotten.
  availability.failed(100, 'full', 0);
  availability.wrote(100);
  expect(availability.health.up).toBe(true);
});

test('while down, a probe of what failed is due once in a while', () => {
  const availability = new WriteAvailability(1_000);
  expect(availability.takeProbe(0)).toBe(0);
  expect(availability.probeInMs(0)).toBeUndefined();
  availability.failed(200_000, 'full', 0);
  expect(availability.takeProbe(999)).toBe(0);
  expect(availability.probeInMs(400)).toBe(600);
  expect(availability.takeProbe(1_000)).toBe(200_000);
  expect(availability.takeProbe(1_001)).toBe(0);
  availability.failed(200_000, 'still full', 1_001);
  expect(availability.takeProbe(2_000)).toBe(200_000);
  availability.wrote(200_000);
  expect(availability.probeInMs(2_000)).toBeUndefined();
});

test('a probe has a least and a most', () => {
  const availability = new WriteAvailability(0);
  availability.failed(1, 'full', 0);
  expect(availability.takeProbe(1)).toBe(64 * 1024);
  availability.failed(100 * MIB, 'full', 1);
  expect(availability.takeProbe(2)).toBe(8 * MIB);
  availability.wrote(8 * MIB);
  expect(availability.health.up).toBe(true);
});

test('doubted, it is up, and one probe is due at once', () => {
  const availability = new WriteAvailability(1_000);
  availability.doubt();
  expect([availability.health.up, availability.probeInMs(0), availability.takeProbe(0)]).toEqual([
    true,
    0,
    64 * 1024,
  ]);
  expect([availability.probeInMs(1), availability.takeProbe(1)]).toEqual([undefined, 0]);
  availability.failed(64 * 1024, 'full', 2);
  expect(availability.health.up).toBe(false);
});
