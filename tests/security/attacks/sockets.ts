import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';
import type { Attack } from '#tests/security/attack.ts';
import { each, eventOrEnd, openDevice, openSocket, untilOver, write } from '#tests/security/attackers.ts';

const SILENT = 3_000;

async function staySilent(port: number, signal: AbortSignal): Promise<void> {
  const reopen = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = await openSocket(port, signal);
      if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
      await sleep(100);
    }
  };
  await Promise.all(Array.from({ length: SILENT }, reopen));
}

/** Each client connects with so many ids of its own, is accepted, and cut the connection, again and again. */
async function churn(
  port: number,
  { clients, ids }: { readonly clients: number; readonly ids: number },
  signal: AbortSignal,
): Promise<void> {
  const client = async (index: number): Promise<void> => {
    for (let round = 0; !signal.aborted; round++) {
      const socket = await openDevice(port, `attacker-${index}-${round % ids}`, signal);
      socket.resetAndDestroy();
      await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
}

export const SOCKET_ATTACKS: readonly Attack[] = [
  {
    name: 'connect-churn',
    what: '50 clients connect as ever other devices, are accepted, and cut the connection, again and again',
    seenIn: 'ingest_connections_total{listener="tcp"}',
    run: ({ mqttPort }, signal) => churn(mqttPort, { clients: 50, ids: 100 }, signal),
  },
  {
    name: 'flapping',
    what: '5 devices connect, are accepted, and cut the connection, again and again',
    seenIn: 'ingest_refused_total{reason="banned"}',
    run: ({ mqttPort }, signal) => churn(mqttPort, { clients: 5, ids: 1 }, signal),
  },
  {
    name: 'refused-connects',
    what: '50 clients send a CONNECT with an id that none may have, again and again',
    seenIn: 'ingest_refused_total{reason="failing-too-often"}',
    async run({ mqttPort }, signal) {
      const client = async (): Promise<void> => {
        while (!signal.aborted) {
          const socket = await openSocket(mqttPort, signal);
          // Half open, it would not notice that it was turned away.
          socket.once('end', () => socket.destroy());
          write(
            socket,
            mqttPacket.generate({ cmd: 'connect', clientId: 'no/id', keepalive: 60, clean: true }),
          );
          await eventOrEnd(socket, 'data');
          socket.destroy();
          await sleep(1);
        }
      };
      await Promise.all(Array.from({ length: 50 }, client));
    },
  },
  {
    name: 'silent-sockets',
    what: '3,000 sockets say nothing, and are opened again when they are closed',
    seenIn: 'ingest_refused_total{reason="too-many-from-address"}',
    run: ({ mqttPort }, signal) => staySilent(mqttPort, signal),
  },
  {
    name: 'silent-websockets',
    what: '3,000 sockets to the WebSocket listener say nothing, and are opened again when they are closed',
    seenIn: 'ingest_refused_total{reason="too-many-from-address"}',
    run: ({ webSocketPort }, signal) => staySilent(webSocketPort, signal),
  },
  {
    name: 'slow-http-requests',
    what: '500 HTTP requests never come to their end',
    seenIn: 'http_connections_refused_total',
    async run({ httpPort }, signal) {
      await each(500, signal, async () => {
        const socket = await openSocket(httpPort, signal);
        write(socket, Buffer.from('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: '));
      });
      await untilOver(signal);
    },
  },
];
