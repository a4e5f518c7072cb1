import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';

/** Sockets opened at once, so that a listen queue is not what is measured. */
const OPEN_AT_ONCE = 100;

/** Not the address of the good devices: what an address may do must not be taken from them. */
const ATTACKERS_ADDRESS = '127.0.0.2';

/** Opens a connection, however it ends; it is destroyed when the attack is over. */
export async function openSocket(
  port: number,
  signal: AbortSignal,
  localAddress = ATTACKERS_ADDRESS,
): Promise<Socket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    localAddress,
    noDelay: true,
    allowHalfOpen: true,
  });
  socket.on('error', () => undefined).resume();
  const destroy = (): void => void socket.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', destroy));
  if (signal.aborted) socket.destroy();
  await eventOrEnd(socket, 'connect');
  return socket;
}

/** Also resolves when the connection ends first. */
export async function eventOrEnd(socket: Socket, event: 'connect' | 'data' | 'drain'): Promise<void> {
  if (socket.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(socket, event, { signal }), once(socket, 'close', { signal })]).catch(
    () => undefined,
  );
  over.abort();
}

/** Opens a connection that said CONNECT as a device, and was answered. */
export async function openDevice(
  port: number,
  clientId: string,
  signal: AbortSignal,
  protocolVersion: 4 | 5 = 4,
): Promise<Socket> {
  const socket = await openSocket(port, signal);
  write(
    socket,
    mqttPacket.generate({ cmd: 'connect', protocolVersion, clientId, keepalive: 60, clean: true }),
  );
  await eventOrEnd(socket, 'data');
  return socket;
}

export function write(socket: Socket, bytes: Uint8Array): void {
  if (socket.writable) socket.write(bytes);
}

/** Does the same with many, some at a time. */
export async function each(
  count: number,
  signal: AbortSignal,
  action: (index: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < count && !signal.aborted; from += OPEN_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(OPEN_AT_ONCE, count - from) }, (_, at) => from + at);
    await Promise.all(indexes.map(action));
  }
}

/** Writes the same bytes again and again, as fast as the other side reads them. */
export async function flood(socket: Socket, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && socket.writable) {
    if (socket.write(bytes)) await sleep(0);
    else await eventOrEnd(socket, 'drain');
  }
}

export async function untilOver(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Many copies of one packet in one write. */
export function repeated(packet: Uint8Array, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => packet));
}
