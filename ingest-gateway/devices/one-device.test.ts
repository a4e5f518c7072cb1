import { expect, it } from 'vitest';
import { isOneDevice } from './one-device.ts';

const NAMES = ['dev-1', 'dev-2', 'DEV-1', '', '..', 'dev/1', '#', '__proto__', 'x'.repeat(65)];
/** Of these, written down and not computed. */
const DEVICE_IDS = new Set(['dev-1', 'dev-2', 'DEV-1', '__proto__']);

it('[P9] a client is one device in all that it says, of every combination of id, user and certificate', () => {
  let devices = 0;
  for (const clientId of NAMES)
    for (const username of [undefined, ...NAMES])
      for (const certificateName of [undefined, ...NAMES]) {
        const expected =
          DEVICE_IDS.has(clientId) &&
          [undefined, clientId].includes(username) &&
          [undefined, clientId].includes(certificateName);
        const one = isOneDevice({ clientId, username, certificateName });
        expect(one, JSON.stringify([clientId, username, certificateName])).toBe(expected);
        if (one) devices++;
      }
  expect(devices).toBe(DEVICE_IDS.size * 4);
});
