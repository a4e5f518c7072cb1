import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { hostNameOf, isNobodyElses } from '#runtime/host-name.ts';
import { beginningOf } from '#runtime/own-text.ts';
import { type Arrival, type Listener, type ListenerOptions, type ListenerParts, listen } from './listener.ts';
import type { TlsInForce } from './tls-in-force.ts';
import { upgradeRequests } from './upgrade-request.ts';
import { watchHandshakes } from './watch-handshakes.ts';
import { boundWebSocket } from './web-socket-bounds.ts';

const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];
/** An MQTT packet of the largest size, with its header. */
const FRAME_HEADER_BYTES = 5;
/** Of messages; behind these, frames stay in the socket as they came. Each message is an object, of a hundred bytes or more. */
const READ_AHEAD_BYTES = 4 * 1024;

/** Errors that a client caused. Others are the network's. */
const WEB_SOCKET_ERRORS: Readonly<Record<string, RefusalReason>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'packet-too-large',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'packet-too-large',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'packet-too-large',
  WS_ERR_EXPECTED_FIN: 'protocol-error',
  WS_ERR_EXPECTED_MASK: 'protocol-error',
  WS_ERR_INVALID_CLOSE_CODE: 'protocol-error',
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: 'protocol-error',
  WS_ERR_INVALID_OPCODE: 'protocol-error',
  WS_ERR_INVALID_UTF8: 'protocol-error',
  WS_ERR_UNEXPECTED_MASK: 'protocol-error',
  WS_ERR_UNEXPECTED_RSV_1: 'protocol-error',
  WS_ERR_UNEXPECTED_RSV_2_3: 'protocol-error',
};

export interface WebSocketOptions extends ListenerOptions {
  /** Web pages whose scripts may connect; `*` = all. */
  readonly origins: readonly string[];
  /** `undefined` = without TLS. */
  readonly tls: TlsInForce | undefined;
}

/**
 * MQTT over WebSocket, for browsers and for networks that let nothing else through, on any path. Any other HTTP request
 * gets 426, an upgrade that does not offer MQTT 400 [MQTT-6.0.0-3], and one from a web page that is not in the list 403:
 * a browser sends what it knows of the user with the request of any page.
 *
 * @throws PipelineError `configuration` when the port is taken.
 */
export function listenOnWebSocket(
  options: WebSocketOptions,
  parts: ListenerParts,
  accept: (arrival: Arrival) => void,
): Promise<Listener> {
  const { limits, origins, tls } = options;
  const { telemetry, heldInput } = parts;
  return listen(tls === undefined ? 'websocket' : 'secure-websocket', options, parts, (guests) => {
    const webSockets = new WebSocketServer({
      noServer: true,
      // The default is 100 MiB.
      maxPayload: limits.packetBytes + FRAME_HEADER_BYTES,
      maxFragments: limits.webSocketFragments,
      // ws would write a pong for each ping, and end who sends many without a word: `boundWebSocket` does both.
      autoPong: false,
      perMessageDeflate: false,
      clientTracking: false,
      verifyClient: ({ req, origin }, answer) => {
        const refusal = refusalOf(req, origin, origins);
        if (refusal !== undefined) {
          const { reason, message: detail } = refusal;
          telemetry.refused({ reason, deviceId: undefined, address: guests.addressOf(req.socket), detail });
        }
        answer(refusal === undefined, refusal?.status, refusal?.message);
      },
      handleProtocols: (offered) => SUBPROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
    });
    const open = (webSocket: WebSocket, { socket }: IncomingMessage, behind: number): void => {
      const stream = createWebSocketStream(webSocket, { readableHighWaterMark: READ_AHEAD_BYTES });
      endWithWebSocket(stream, webSocket);
      const address = guests.addressOf(socket);
      let deviceId: string | undefined;
      let refused = false;
      const refuse = (reason: RefusalReason, detail: string): void => {
        if (!refused) telemetry.refused({ reason, deviceId, address, detail });
        refused = true;
      };
      // Before the stream takes the message: text is no MQTT [MQTT-6.0.0-1].
      webSocket.prependListener('message', (_data, isBinary) => {
        if (isBinary) return;
        refuse('protocol-error', 'a text frame');
        stream.destroy();
      });
      webSocket.on('error', (error: Error & { code?: string }) => {
        const reason = WEB_SOCKET_ERRORS[error.code ?? ''];
        if (reason !== undefined) refuse(reason, error.message);
      });
      const bounded = boundWebSocket(webSocket, { socket, behind }, limits, { refuse, heldInput });
      const greeted: Arrival['greeted'] = (charge, clientId) => {
        deviceId = beginningOf(clientId, 64);
        guests.greeted(socket);
        bounded(charge);
      };
      const certificate = tls?.certificateOf(socket as TLSSocket);
      const before = (): number => socket.readableLength;
      accept({ ...guests.of(socket), stream, before, certificate, address, greeted });
    };
    webSockets.on('wsClientError', (error, socket, { socket: peer }) => {
      const refusal = { reason: 'protocol-error', address: guests.addressOf(peer) } as const;
      telemetry.refused({ ...refusal, deviceId: undefined, detail: error.message });
      socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
        socket.destroy(),
      );
    });
    const begin = upgradeRequests<Socket>({
      bytes: limits.webSocketBytesBeforeConnect,
      withinMs: limits.connectMs,
      upgrade: (request, socket, behind) =>
        webSockets.handleUpgrade(request, socket, behind, (webSocket) =>
          open(webSocket, request, behind.length),
        ),
      refuse: (socket, reason, detail) => {
        if (guests.isTurnedAway(socket)) return;
        telemetry.refused({ reason, deviceId: undefined, address: guests.addressOf(socket), detail });
      },
    });
    if (tls === undefined) return begin;
    const server = createTlsServer({
      ...tls.serverOptions,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.connectMs,
    });
    tls.serve(server);
    server.on('secureConnection', begin);
    return watchHandshakes(server, guests, telemetry, limits);
  });
}

/** To end its stream, ws waits for its socket to finish, which one that was reset never does: the device would stay. */
function endWithWebSocket(stream: Duplex, webSocket: WebSocket): void {
  webSocket.once('close', () => {
    stream._final = (finished) => finished();
    if (stream.writableEnded) stream.destroy();
  });
}

/** Why an upgrade is refused. */
function refusalOf(
  request: IncomingMessage,
  origin: string | undefined,
  origins: readonly string[],
): { readonly status: number; readonly reason: RefusalReason; readonly message: string } | undefined {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.some((name) => SUBPROTOCOLS.includes(name)))
    return { status: 400, reason: 'protocol-error', message: 'expected the sub-protocol mqtt' };
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return undefined;
  if (isOurOwn(origin, request.headers.host)) return undefined;
  return { status: 403, reason: 'web-socket-origin', message: 'this web page is not in MQTT_WS_ORIGINS' };
}

/** No page comes from our port; but clients that are no browsers (paho-mqtt) name what they connect to as their origin. */
function isOurOwn(origin: string, host = ''): boolean {
  const authority = origin.replace(/^https?:\/\//i, '').toLowerCase();
  return authority === host.toLowerCase() && isNobodyElses(hostNameOf(host));
}
