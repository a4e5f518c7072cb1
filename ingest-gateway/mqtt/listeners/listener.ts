import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { ListenerName } from '#ingest-gateway/telemetry-labels.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { proxied } from './proxied.ts';
import { sourceOf } from './source-of.ts';
import type { DeviceCertificate } from './tls-in-force.ts';

/** How a client reached us. */
export interface Arrival {
  readonly stream: Duplex;
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
  readonly greeted?: (charge: (tokens: number) => void, clientId: string) => void;
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

/** Where a connection comes from, as `sourceOf` gives it. */
export type AddressOf = (socket: Pick<Socket, 'remoteAddress' | 'remotePort'>) => string;

export function prepareSocket(socket: Socket): void {
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
 * Counts every connection from its first moment on: what comes before the PROXY protocol's header, TLS, the upgrade and
 * CONNECT is seen here only.
 *
 * @param serve makes the server; the function it gets says where a connection comes from, as `sourceOf` gives it.
 */
export async function listen(
  name: ListenerName,
  { host, port, limits, proxyProtocol }: ListenerOptions,
  telemetry: IngestTelemetry,
  serve: (addressOf: AddressOf) => Server,
): Promise<Listener> {
  const variable = VARIABLES[name];
  const turnAway = (reason: RefusalReason, remoteAddress: string | undefined, detail?: string): void =>
    telemetry.refused({ reason, deviceId: undefined, address: sourceOf(remoteAddress), detail });
  let addressOf: AddressOf = ({ remoteAddress }) => sourceOf(remoteAddress);
  let server = serve((socket) => addressOf(socket));
  if (proxyProtocol) {
    const refuse = (why: string, { remoteAddress }: Socket) => turnAway('proxy-protocol', remoteAddress, why);
    const { front, addressOf: clientOf } = proxied(server, limits.connectMs, refuse);
    addressOf = (socket) => sourceOf(clientOf(socket));
    server = front;
  }
  // Connections that are still in their TLS or HTTP handshake count here only.
  server.maxConnections = limits.connections + limits.reservedConnections + 100;
  server.on('drop', (dropped) => turnAway('too-many-connections', dropped?.remoteAddress));
  server.on('connection', (socket) => {
    telemetry.connectionOpened(name);
    socket.once('close', () => telemetry.connectionClosed(name));
  });
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
