import type { Socket } from 'node:net';
import { LIMITS } from '#contract/limits.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import { readHead } from './read-head.ts';

export interface ProxyHeaderReader {
  /** How long the header may take, milliseconds. */
  readonly withinMs: number;
  /** @param address where the client is; `undefined` = the balancer speaks for itself */
  readonly passOn: (socket: Socket, address: string | undefined) => void;
  /** The socket has to end. */
  readonly refuse: (socket: Socket, why: string) => void;
}

/**
 * Takes the PROXY protocol's header off each connection before anybody else sees its first byte. A balancer sends it at
 * once; of those that do not, the oldest gives way when there are too many.
 */
export function proxyHeaderReader({ withinMs, passOn, refuse }: ProxyHeaderReader): (socket: Socket) => void {
  const waiting = new Set<Socket>();
  return (socket) => {
    const end = (why: string): void => {
      waiting.delete(socket);
      refuse(socket, why);
    };
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    const [oldest] = waiting;
    if (oldest !== undefined && waiting.size > LIMITS.silentPerAddress) {
      waiting.delete(oldest);
      refuse(oldest, 'too many connections without a PROXY protocol header');
    }
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
