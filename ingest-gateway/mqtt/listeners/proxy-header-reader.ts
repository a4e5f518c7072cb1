import type { Socket } from 'node:net';
import { lookInRounds } from './look-in-rounds.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import { readHead } from './read-head.ts';
import { SilentOnes } from './silent-ones.ts';

export interface ProxyHeaderReader {
  /** How long the header may take, milliseconds. */
  readonly withinMs: number;
  /** Connections that say nothing: with more of them the oldest give way. */
  readonly silent: number;
  /** @param address where the client is; `undefined` = the balancer speaks for itself */
  readonly passOn: (socket: Socket, address: string | undefined) => void;
  /** The socket has to end. */
  readonly refuse: (socket: Socket, why: string) => void;
}

/**
 * Takes the PROXY protocol's header off each connection before anybody else sees its first byte. A balancer sends it at
 * once; of those that say nothing, the oldest give way when there are too many.
 */
export function proxyHeaderReader({
  withinMs,
  silent,
  passOn,
  refuse,
}: ProxyHeaderReader): (socket: Socket) => void {
  const waiting = new SilentOnes<Socket>((socket) => socket.bytesRead);
  const watchSilent = lookInRounds(() => {
    for (const socket of waiting.look()) {
      if (waiting.size <= silent) break;
      waiting.delete(socket);
      refuse(socket, 'too many connections without a PROXY protocol header');
    }
    return waiting.size > 0;
  });
  return (socket) => {
    const end = (why: string): void => {
      waiting.delete(socket);
      refuse(socket, why);
    };
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    watchSilent();
    readHead(socket, {
      withinMs,
      parse: (received) => {
        const header = parseProxyHeader(received);
        return header.kind === 'incomplete' ? undefined : header;
      },
      late: () => end('no PROXY protocol header in time'),
      whole: (header, received) => {
        if (header.kind === 'invalid') return end(`PROXY protocol: ${header.why}`);
        waiting.delete(socket);
        const rest = received.subarray(header.bytes);
        if (rest.length > 0) socket.unshift(rest);
        passOn(socket, header.address ?? socket.remoteAddress);
      },
    });
  };
}
