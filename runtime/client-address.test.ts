import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { clientAddress } from '#runtime/client-address.ts';

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7:4711', '192.0.2.7'],
  ['2001:db8::7', '2001:db8::7'],
  ['[2001:db8::7]:4711', '2001:db8::7'],
  ['unknown', '10.0.0.1'],
  ['\u001b[31m', '10.0.0.1'],
  ['', '10.0.0.1'],
])('a request from %j comes from %s', (ip, address) => {
  expect(clientAddress({ ip, socket: { remoteAddress: '10.0.0.1' } as Socket })).toBe(address);
});
