import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';

/** Connections being opened at once. */
const AT_ONCE = 200;
const CONNACK_BYTES = 4;
const PUBACK_BYTES = 4;
const RETRY_MS = 500;

/**
 * Many devices, each on a connection of its own: connects, publishes a reading at QoS 1, and stays. One that is refused or
 * cut before its PUBACK comes again, as devices do.
 *
 * @returns those that had their PUBACK when all had, or when `signal` fired
 */
export async function publishOnceEach(port: number, devices: number, signal: AbortSignal): Promise<number> {
  const open: Socket[] = [];
  let acknowledged = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < devices && !signal.aborted) {
      const id = `crowd-${next++}`;
      let socket = await publishOnce(port, id, signal);
      while (socket === undefined && !signal.aborted) {
        await sleep(RETRY_MS);
        socket = await publishOnce(port, id, signal);
      }
      if (socket === undefined) return;
      acknowledged++;
      open.push(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const socket of open) socket.destroy();
  return acknowledged;
}

/** @returns its connection, once the PUBACK came; `undefined` = it ended before */
async function publishOnce(port: number, clientId: string, signal: AbortSignal): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  const over = new AbortController();
  const ended = once(socket, 'close', { signal: over.signal }).then(
    () => false,
    () => false,
  );
  const stop = once(signal, 'abort', { signal: over.signal }).then(
    () => false,
    () => false,
  );
  let received = 0;
  const answered = new Promise<boolean>((resolve) => {
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (received >= CONNACK_BYTES + PUBACK_BYTES) resolve(true);
    });
  });
  socket.write(mqttPacket.generate({ cmd: 'connect', clientId, keepalive: 60, clean: true }));
  socket.write(
    mqttPacket.generate({
      cmd: 'publish',
      topic: `devices/${clientId}/telemetry`,
      payload: JSON.stringify({
        schema: 'environment/1',
        ts: Date.now(),
        seq: 0,
        values: { temperature: 21.5, humidity: 40 },
      }),
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    }),
  );
  const isAcknowledged = await Promise.race([answered, ended, stop]);
  over.abort();
  if (isAcknowledged) return socket;
  socket.destroy();
  return undefined;
}
