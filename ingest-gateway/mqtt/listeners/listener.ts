import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { MemoryBudget } from '#ingest-gateway/memory-budget.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { ListenerName } from '#ingest-gateway/telemetry-labels.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { sourceOf } from '#runtime/source-of.ts';
import type { Door } from './door.ts';
import { Guests } from './guests.ts';
import { proxyHeaderReader } from './proxy-header-reader.ts';
import type { DeviceCertificate } from './tls-in-force.ts';

/**
 * A device was let in, or it was not because of something on our side: it has not failed. `awaits-us` = we owe it an answer;
 * `refused` = that was no, for what it did.
 */
export type Verdict = 'let-in' | 'our-fault' | 'awaits-us' | 'refused';

/** How a client reached us. */
export interface Arrival {
  readonly stream: Duplex;
  /** Bytes that were read from its socket and are not in `stream` yet; default: none. */
  readonly before?: () => number;
  /** The verified client certificate; `undefined` = none was asked for. */
  readonly certificate: DeviceCertificate | undefined;
  /** Where it comes from, as `sourceOf` gives it. */
  readonly address: string;
  /**
   * Called when the CONNECT was parsed: what the listener bounds until then, it need not bound any more.
   *
   * @param charge takes tokens from the bucket of the device, for work that is not in its packets.
   * @param clientId what the client calls itself.
   */
  readonly greeted: (charge: (tokens: number) => void, clientId: string) => void;
  /** Called with each verdict on its CONNECT; a connection that ends without one has failed. */
  readonly judged: (verdict: Verdict) => void;
}

/** Where devices come in. */
export interface Listener {
  readonly port: number;
  /** Accepts no more; connections stay. */
  close(): void;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly limits: GatewayLimits;
  /** Each connection begins with a header of the PROXY protocol. */
  readonly proxyProtocol: boolean;
}

export interface ListenerParts {
  readonly door: Door;
  /** Bounds what all connections hold of what is not whole. */
  readonly heldInput: Pick<MemoryBudget, 'hold'>;
  readonly telemetry: IngestTelemetry;
}

function prepareSocket(socket: Socket): void {
  // PUBACKs are small and written together already.
  socket.setNoDelay(true);
  // A peer that vanished while its socket is not read would not be noticed otherwise.
  socket.setKeepAlive(true, 60_000);
}

/** The environment variables to blame. */
const VARIABLES: Readonly<Record<ListenerName, string>> = {
  tcp: 'MQTT_PORT',
  tls: 'MQTT_TLS_PORT',
  websocket: 'MQTT_WS_PORT',
  'secure-websocket': 'MQTT_WSS_PORT',
};

/**
 * Counts every connection, and lets it be judged, in its first moment: what comes before the PROXY protocol's header,
 * TLS, the upgrade and CONNECT is seen here only.
 *
 * @param serve makes what takes the connections that were let in, by their sockets.
 */
export async function listen(
  name: ListenerName,
  { host, port, limits, proxyProtocol }: ListenerOptions,
  { door, telemetry }: ListenerParts,
  serve: (guests: Guests) => (socket: Socket) => void,
): Promise<Listener> {
  const variable = VARIABLES[name];
  const turnAway = (reason: RefusalReason, remoteAddress: string | undefined, detail?: string): void =>
    telemetry.refused({ reason, deviceId: undefined, address: sourceOf(remoteAddress), detail });
  const guests = new Guests(door);
  const take = serve(guests);
  const enter = (socket: Socket, address: string | undefined): void => {
    if (guests.enter(socket, address)) take(socket);
  };
  const onSocket = proxyProtocol
    ? proxyHeaderReader({
        withinMs: limits.connectMs,
        silent: limits.silentPerAddress,
        passOn: enter,
        refuse: (socket, why) => {
          turnAway('proxy-protocol', socket.remoteAddress, why);
          socket.destroy();
        },
      })
    : (socket: Socket): void => enter(socket, socket.remoteAddress);
  const server = createServer({ allowHalfOpen: true, highWaterMark: limits.readAheadBytes }, (socket) => {
    telemetry.connectionOpened(name);
    socket.once('close', () => telemetry.connectionClosed(name));
    // Reset before it was accepted: it has no address any more, by which it could be judged.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    prepareSocket(socket);
    onSocket(socket);
  });
  // The door is the narrower one, but for what has no header of the PROXY protocol yet.
  server.maxConnections = limits.connections + limits.reservedConnections + 1_000;
  server.on('drop', (dropped) => turnAway('too-many-connections', dropped?.remoteAddress));
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new PipelineError(
      'configuration',
      `MQTT_HOST, ${variable}: cannot listen: ${describeError(cause)}`,
      {
        cause,
      },
    );
  }
  server.on('error', (error) => telemetry.listenerFailed(variable, error));
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  telemetry.listening(variable, host, actual);
  return { port: actual, close: () => void server.close() };
}
