import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectSecurely } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import type { SourceTls } from './source-tls.ts';

const DEFAULT_PORTS = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;
/** Of one WebSocket message, which may hold several packets: ws collects it in whole before anybody sees it. */
const MAX_WEB_SOCKET_BYTES = 16 * 1024 * 1024;

/**
 * Opens a connection to a broker, as far as MQTT begins.
 *
 * @param signal gives up.
 * @throws whatever the network, TLS or WebSocket says.
 */
export async function dial(address: string, tls: SourceTls, signal: AbortSignal): Promise<Duplex> {
  const url = new URL(address);
  if (url.protocol === 'ws:' || url.protocol === 'wss:') return dialWebSocket(url, tls, signal);
  const secure = url.protocol === 'mqtts:';
  // Of an address of IPv6, a URL keeps the brackets.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port) || DEFAULT_PORTS[secure ? 'mqtts:' : 'mqtt:'];
  const socket = secure ? connectSecurely({ host, port, ...tls }) : connect({ host, port });
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal });
  } catch (error) {
    // There may be a second one when it is torn down.
    socket.on('error', () => undefined).destroy();
    throw error;
  }
  return socket.setNoDelay();
}

async function dialWebSocket(url: URL, tls: SourceTls, signal: AbortSignal): Promise<Duplex> {
  const socket = new WebSocket(url, ['mqtt'], {
    ...tls,
    maxPayload: MAX_WEB_SOCKET_BYTES,
    perMessageDeflate: false,
  });
  const stream = createWebSocketStream(socket);
  try {
    await Promise.race([once(socket, 'open', { signal }), once(stream, 'error', { signal }).then(rethrow)]);
  } catch (error) {
    stream.on('error', () => undefined).destroy();
    throw error;
  }
  return stream;
}

function rethrow([error]: unknown[]): never {
  throw error;
}
