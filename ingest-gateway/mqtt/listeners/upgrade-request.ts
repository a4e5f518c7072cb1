import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { nodeHttp } from '#runtime/node-http.ts';
import { readHead } from './read-head.ts';

export interface UpgradeParts<Connection extends Duplex> {
  /** Bytes that a request may have. */
  readonly bytes: number;
  /** Milliseconds that it may take. */
  readonly withinMs: number;
  /** A request for another protocol. `behind`: what the client has sent already of that. */
  readonly upgrade: (request: IncomingMessage, connection: Connection, behind: Buffer) => void;
  /** Counts what else came; its connection ends. */
  readonly refuse: (connection: Connection, reason: RefusalReason, detail: string) => void;
}

const END_OF_HEADERS = '\r\n\r\n';
const ANSWER = [
  'HTTP/1.1 426 Upgrade Required',
  'Upgrade: websocket',
  'Connection: close',
  'Content-Type: text/plain',
  'Content-Length: 25',
  '',
  'MQTT over WebSocket only\n',
].join('\r\n');

/**
 * Takes the request with which a WebSocket begins. Node's HTTP parser gets the headers of that one request and nothing
 * else: of whatever it is given it makes requests, one after the other, two thousand for each 64 KiB that it reads, and
 * all of them before anybody can say that one was enough.
 *
 * Anything but an upgrade is answered with 426.
 */
export function upgradeRequests<Connection extends Duplex>({
  bytes,
  withinMs,
  upgrade,
  refuse,
}: UpgradeParts<Connection>): (connection: Connection) => void {
  const behind = new WeakMap<Duplex, Buffer>();
  // Never listens: it parses what is handed to it below.
  const parser = nodeHttp.createServer({ maxHeaderSize: bytes, requireHostHeader: false });
  parser.on('upgrade', (request, connection, head) =>
    upgrade(
      request,
      connection as Connection,
      Buffer.concat([head, behind.get(connection) ?? head.subarray(0, 0)]),
    ),
  );
  // What looked like an upgrade, and is none to the parser.
  parser.on('request', ({ socket }) => end(socket as Duplex as Connection, 'not a request for an upgrade'));
  // Node would answer 417 by itself, and take the next request.
  parser.on('checkExpectation', ({ socket }) =>
    end(socket as Duplex as Connection, 'a request that expects'),
  );
  parser.on('clientError', (error, socket) => end(socket as Duplex as Connection, error.message));
  const end = (connection: Connection, detail: string): void => {
    if (connection.destroyed) return;
    refuse(connection, 'protocol-error', detail);
    connection.destroy();
  };

  return (connection) => {
    readHead(connection, {
      withinMs,
      parse: (received) => {
        const at = received.subarray(0, bytes).indexOf(END_OF_HEADERS);
        if (at >= 0) return { length: at + END_OF_HEADERS.length };
        return received.length < bytes ? undefined : { length: undefined };
      },
      late: () => {
        refuse(connection, 'connect-timeout', 'no whole request for an upgrade in time');
        connection.destroy();
      },
      whole: ({ length }, received) => {
        if (length === undefined) {
          refuse(connection, 'packet-too-large', `a request of more than ${bytes} bytes`);
          connection.destroy();
          return;
        }
        const request = received.subarray(0, length);
        if (!/^upgrade:/im.test(request.toString('latin1'))) {
          refuse(connection, 'protocol-error', 'an HTTP request, and none for an upgrade');
          connection.on('error', () => undefined).end(ANSWER, () => connection.destroy());
          return;
        }
        behind.set(connection, received.subarray(length));
        connection.unshift(request);
        parser.emit('connection', connection);
      },
    });
  };
}
