import { expect, test } from 'vitest';
import { DeviceClocks } from './device-clocks.ts';

const HOUR = 3_600_000;

test('one device that is off has a problem of its own', () => {
  const clocks = new DeviceClocks();
  for (let i = 0; i < 1_000; i++) clocks.refused('a', HOUR, i);
  expect(clocks.count('ahead', 1_000)).toBe(1);
  expect(clocks.disagreement(1, 1_000)).toBeUndefined();
});

test('when most devices are ahead, our clock is behind', () => {
  const clocks = new DeviceClocks();
  for (let i = 0; i < 6; i++) clocks.refused(`device-${i}`, HOUR + i * 1_000, 0);
  expect(clocks.disagreement(12, 0)).toBeUndefined();
  const disagreement = clocks.disagreement(11, 0);
  expect(disagreement).toEqual({ direction: 'ahead', devices: 6, of: 11, byMs: HOUR + 3_000 });
  expect(clocks.ourTrouble(11, 0)).toBe(
    "6 of 11 devices send readings 1.0 h ahead: this machine's clock is behind",
  );
  // Those that left in anger count as well.
  expect(clocks.disagreement(2, 0)).toMatchObject({ devices: 6, of: 6 });
});

test('many that are off in both directions are no witness', () => {
  const clocks = new DeviceClocks();
  for (let i = 0; i < 10; i++) clocks.refused(`device-${i}`, i % 2 === 0 ? HOUR : -HOUR, 0);
  expect(clocks.disagreement(10, 0)).toBeUndefined();
});

test('a device is off until it is accepted, or for ten minutes', () => {
  const clocks = new DeviceClocks();
  for (const device of ['a', 'b', 'c', 'd']) clocks.refused(device, -HOUR, 0);
  expect(clocks.disagreement(4, 0)).toMatchObject({ direction: 'behind', devices: 4 });
  clocks.accepted('a');
  clocks.accepted('b');
  expect(clocks.disagreement(4, 0)).toBeUndefined();
  expect(clocks.count('behind', 0)).toBe(2);
  clocks.refused('c', -HOUR, 300_000);
  expect(clocks.count('behind', 600_000)).toBe(1);
  expect(clocks.count('behind', 900_000)).toBe(0);
});
