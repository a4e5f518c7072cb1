import { createServer, type Server, type Socket } from 'node:net';
import { parseProxyHeader } from './proxy-protocol.ts';

export interface Proxied {
  /** Listens instead of the server behind it. */
  readonly front: Server;
  /** Where the client of a connection is, which is the balancer's own by its socket. */
  addressOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string | undefined;
}

/**
 * A server that takes the PROXY protocol's header off each connection before the server behind it sees the first byte.
 *
 * A connection is known by the balancer's address and port, which TLS and WebSocket pass on to whoever asks: neither
 * tells which socket it runs on.
 *
 * @param headerMs how long the header may take.
 */
export function proxied(
  server: Server,
  headerMs: number,
  refuse: (why: string, socket: Socket) => void,
): Proxied {
  const clients = new Map<string, string>();
  const front = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let received = Buffer.alloc(0);
    const end = (why: string): void => {
      refuse(why, socket);
      socket.destroy();
    };
    const timer = setTimeout(() => end('no PROXY protocol header in time'), headerMs);
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk !== null) take(chunk);
    };
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const header = parseProxyHeader(received);
      if (header.kind === 'incomplete') return;
      stopReading();
      if (header.kind === 'invalid') {
        end(`PROXY protocol: ${header.why}`);
        return;
      }
      const key = keyOf(socket);
      if (header.address !== undefined) {
        clients.set(key, header.address);
        socket.once('close', () => clients.delete(key));
      }
      const rest = received.subarray(header.bytes);
      if (rest.length > 0) socket.unshift(rest);
      server.emit('connection', socket);
    };
    const onEnd = (): void => void socket.destroy();
    const ignore = (): void => undefined;
    const stopReading = (): void => {
      clearTimeout(timer);
      socket.off('readable', onReadable).off('end', onEnd).off('error', ignore);
    };
    socket.on('readable', onReadable).on('end', onEnd).on('error', ignore);
    socket.once('close', () => clearTimeout(timer));
  });
  // HTTP begins to watch the time of requests when it listens.
  front.on('listening', () => server.emit('listening')).on('close', () => server.close());
  return { front, addressOf: (socket) => clients.get(keyOf(socket)) ?? socket.remoteAddress };
}

function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
