import { createServer } from 'node:http';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { IngestTelemetry, RefusalReason } from '#ingest-gateway/telemetry.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';
import { sourceOf } from './source-of.ts';
import { boundWebSocket } from './web-socket-bounds.ts';

const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];
/** An MQTT packet of the largest size, with its header. */
const FRAME_HEADER_BYTES = 5;

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

/**
 * MQTT over WebSocket, for browsers and for networks that let nothing else through, on any path. Any other HTTP request
 * gets 426.
 *
 * @throws PipelineError `configuration` when the port is taken.
 */
export async function listenOnWebSocket(
  options: ListenerOptions,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  const { limits } = options;
  const server = createServer(
    {
      headersTimeout: limits.connectMs,
      requestTimeout: limits.connectMs,
      keepAliveTimeout: 1_000,
      connectionsCheckingInterval: 1_000,
    },
    (_request, response) =>
      response.writeHead(426, { upgrade: 'websocket' }).end('MQTT over WebSocket only\n'),
  );
  const webSockets = new WebSocketServer({
    server,
    // The default is 100 MiB.
    maxPayload: limits.packetBytes + FRAME_HEADER_BYTES,
    maxFragments: limits.webSocketFragments,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
  });
  webSockets.on('connection', (webSocket, request) => {
    prepareSocket(request.socket);
    const stream = createWebSocketStream(webSocket);
    // Before the stream takes the message: text is no MQTT [MQTT-6.0.0-1].
    webSocket.prependListener('message', (_data, isBinary) => {
      if (!isBinary) stream.destroy();
    });
    let refused = false;
    const refuse = (reason: RefusalReason, detail: string): void => {
      if (!refused) telemetry.refused(reason, undefined, detail);
      refused = true;
    };
    webSocket.on('error', (error: Error & { code?: string }) => {
      const reason = WEB_SOCKET_ERRORS[error.code ?? ''];
      if (reason !== undefined) refuse(reason, error.message);
    });
    const greeted = boundWebSocket(webSocket, request.socket, limits, refuse);
    accept({ stream, certificateName: undefined, address: sourceOf(request.socket.remoteAddress), greeted });
  });
  // The port is `server`'s: `listen` reports its errors.
  webSockets.on('error', () => undefined);
  return listen(server, 'MQTT_WS_PORT', options, telemetry);
}
