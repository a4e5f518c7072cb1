import { createServer } from 'node:http';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';
import { sourceOf } from './source-of.ts';

const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];
/** An MQTT packet of the largest size, with its header. */
const FRAME_HEADER_BYTES = 5;

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
    webSocket.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
        telemetry.refused('packet-too-large', undefined, 'WebSocket message');
      }
    });
    accept({ stream, certificateName: undefined, address: sourceOf(request.socket.remoteAddress) });
  });
  // The port is `server`'s: `listen` reports its errors.
  webSockets.on('error', () => undefined);
  return listen(server, 'MQTT_WS_PORT', options, telemetry);
}
