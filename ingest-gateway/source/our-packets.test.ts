import { expect, test } from 'vitest';
import { packetIdAfter } from './our-packets.ts';

test('packet ids go round, and none is 0', () => {
  expect([packetIdAfter(0), packetIdAfter(1), packetIdAfter(65_534), packetIdAfter(65_535)]).toEqual([
    1, 2, 65_535, 1,
  ]);
});
