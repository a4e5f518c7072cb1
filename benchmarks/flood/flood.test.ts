import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { admit } from '#contract/admission.ts';
import type { Reading } from '#contract/reading.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { chooseSchemas } from '#simulator/choose-schemas.ts';
import { type FloodOptions, flood } from './flood.ts';

const schemas = loadSchemas();
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A broker that answers each packet as told. */
async function listen(answer: (packet: Packet, socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    const packets = parser();
    packets.on('packet', (packet) => answer(packet, socket));
    socket.on('data', (chunk) => packets.parse(chunk)).on('error', () => undefined);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function run(
  port: number,
  changed: Partial<Pick<FloodOptions, 'batch' | 'rate' | 'small' | 'protocolVersion'>> = {},
) {
  const plan = {
    devices: 3,
    prefix: 'f',
    count: 40,
    batch: 1,
    small: false,
    protocolVersion: 4 as const,
    window: 8,
    rate: 0,
    ...changed,
  };
  return flood({ port, schemas: chooseSchemas(schemas), ...plan }, async () => undefined);
}

const accept = generate({ cmd: 'connack', returnCode: 0, sessionPresent: false });
const acknowledge = (messageId: number): Buffer => generate({ cmd: 'puback', messageId });

describe('the load of the benchmark', () => {
  it.each([1, 20])('publishes valid readings, %i a message, each of them once', async (batch) => {
    const seen = new Map<string, Reading[]>();
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') socket.write(accept);
      if (packet.cmd !== 'publish') return;
      const { accepted, rejects } = admit(packet.payload as Buffer, Date.now(), schemas);
      expect(rejects).toEqual([]);
      seen.set(packet.topic, [...(seen.get(packet.topic) ?? []), ...(accepted?.readings ?? [])]);
      socket.write(acknowledge(packet.messageId ?? 0));
    });
    const { messages, readings } = await run(port, { batch });
    expect({ messages, readings }).toEqual({ messages: 120, readings: 120 * batch });
    expect([...seen.keys()].sort()).toEqual([1, 2, 3].map((i) => `devices/f-${i}/telemetry`));
    for (const ofDevice of seen.values()) {
      const first = ofDevice[0]?.ts ?? 0;
      expect(ofDevice.map(({ ts, seq }) => [ts - first, seq])).toEqual(
        Array.from({ length: 40 * batch }, (_, i) => [i, i]),
      );
    }
  });

  it('sends no more values than their schemas require, when told so', async () => {
    const names = new Set<string>();
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') socket.write(accept);
      if (packet.cmd !== 'publish') return;
      const { accepted, rejects } = admit(packet.payload as Buffer, Date.now(), schemas);
      expect(rejects).toEqual([]);
      for (const { schema, values } of accepted?.readings ?? []) {
        for (const name of Object.keys(values)) names.add(`${schema} ${name}`);
      }
      socket.write(acknowledge(packet.messageId ?? 0));
    });
    await run(port, { small: true });
    expect([...names].filter((name) => name.startsWith('environment/')).sort()).toEqual([
      'environment/1 humidity',
      'environment/1 temperature',
    ]);
  });

  it('speaks MQTT 5, when told so', async () => {
    const versions = new Set<number | undefined>();
    const connack = generate(
      { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: { receiveMaximum: 800 } },
      { protocolVersion: 5 },
    );
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') {
        versions.add(packet.protocolVersion);
        socket.write(connack);
      }
      if (packet.cmd === 'publish') socket.write(acknowledge(packet.messageId ?? 0));
    });
    expect(await run(port, { protocolVersion: 5 })).toMatchObject({ messages: 120 });
    expect([...versions]).toEqual([5]);
  });

  it('never has more than its window unacknowledged', async () => {
    let most = 0;
    const waiting = new Map<Socket, number[]>();
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') socket.write(accept);
      if (packet.cmd !== 'publish') return;
      const ids = [...(waiting.get(socket) ?? []), packet.messageId ?? 0];
      waiting.set(socket, ids);
      most = Math.max(most, ids.length);
      setTimeout(() => {
        for (const id of waiting.get(socket) ?? []) socket.write(acknowledge(id));
        waiting.delete(socket);
      }, 5);
    });
    await run(port);
    expect(most).toBe(8);
  });

  it('keeps its rate', async () => {
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') socket.write(accept);
      if (packet.cmd === 'publish') socket.write(acknowledge(packet.messageId ?? 0));
    });
    const { startedAt, endedAt } = await run(port, { rate: 200 });
    expect(endedAt - startedAt).toBeGreaterThan(150);
  });

  it.each([
    ['in the wrong order', (id: number, socket: Socket) => socket.write(acknowledge(id + 1))],
    ['missing', (_: number, socket: Socket) => socket.destroy()],
  ])('fails when a PUBACK is %s', async (_, answer) => {
    const port = await listen((packet, socket) => {
      if (packet.cmd === 'connect') socket.write(accept);
      if (packet.cmd === 'publish') answer(packet.messageId ?? 0, socket);
    });
    await expect(run(port)).rejects.toThrow(/expected PUBACK of 1, found|the connection ended/);
  });

  it('fails when it is refused', async () => {
    const port = await listen((_, socket) =>
      socket.write(generate({ cmd: 'connack', returnCode: 3, sessionPresent: false })),
    );
    await expect(run(port)).rejects.toThrow('f-1 was refused: 20020003');
  });
});
