import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { Door, Guest } from './door.ts';
import { Guests } from './guests.ts';

/** The other end of all is the same: a network between may give it to two connections, to two addresses of this host. */
function socketTo(localAddress: string): Socket {
  const socket = { localAddress, remoteAddress: '192.0.2.1', remotePort: 40_000 };
  return Object.assign(new EventEmitter(), socket) as unknown as Socket;
}

it('two connections from one address and port, to two addresses, are two guests', () => {
  const greeted: unknown[] = [];
  const door = {
    enter: (socket: Socket, address: string) =>
      ({ socket, address, isTurnedAway: false }) as unknown as Guest,
    greeted: (guest: { socket: Socket }) => greeted.push(guest.socket),
  };
  const guests = new Guests(door as unknown as Door);
  const [first, second] = [socketTo('10.0.0.1'), socketTo('10.0.0.2')] as const;
  for (const socket of [first, second]) guests.enter(socket, socket.remoteAddress);
  for (const socket of [first, second]) guests.greeted(socket);
  expect(greeted).toEqual([first, second]);
});
