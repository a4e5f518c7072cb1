import mqttPacket, { type Packet } from 'mqtt-packet';
import type { RandomStream } from '#simulator/random-stream.ts';
import type { FuzzSource } from './fuzz-source.ts';
import { mutate } from './mutate.ts';
import { hostilePayload } from './payloads.ts';

const PACKETS_A_CONNECTION = 200;

/** The second letter keeps them apart from the good devices. */
function deviceId(random: RandomStream): string {
  return `fuzz-${random.below(200)}`;
}

function connectPacket(clientId: string, random: RandomStream): Packet {
  return {
    cmd: 'connect',
    protocolId: random.chance(0.9) ? 'MQTT' : 'MQIsdp',
    protocolVersion: random.pick([4, 4, 4, 3]),
    clean: random.chance(0.8),
    clientId,
    keepalive: random.below(3) * 60,
    ...(random.chance(0.1) && { username: clientId, password: Buffer.from('x') }),
    ...(random.chance(0.1) && {
      will: { topic: 'a/b', payload: Buffer.from('x'), qos: 1 as const, retain: true },
    }),
  };
}

function anyPacket(clientId: string, random: RandomStream): Packet {
  const messageId = 1 + random.below(65_535);
  const filters = Array.from({ length: 1 + random.below(20) }, () =>
    random.pick(['#', '+/x', 'a/b', '$SYS/#', '']),
  );
  const packets: readonly [() => Packet, ...(() => Packet)[]] = [
    () => ({
      cmd: 'publish',
      topic: random.chance(0.9)
        ? `devices/${clientId}/telemetry`
        : random.pick(['a/b', '$SYS/x', 'devices/other/telemetry', '/']),
      payload: hostilePayload(random),
      qos: random.pick([0, 1, 2]),
      dup: random.chance(0.1),
      retain: random.chance(0.1),
      messageId,
    }),
    () => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
    }),
    () => ({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }),
    () => ({ cmd: 'pubrel', messageId }),
    () => ({ cmd: 'puback', messageId }),
    () => ({ cmd: 'pubrec', messageId }),
    () => ({ cmd: 'pubcomp', messageId }),
    () => ({ cmd: 'pingreq' }),
  ];
  return random.chance(0.5) ? packets[0]() : random.pick(packets)();
}

/** `mqtt-packet` refuses to make some packets; those are left to the mutations. */
function generate(packet: Packet): Buffer {
  try {
    return mqttPacket.generate(packet);
  } catch {
    return Buffer.from([0xc0, 0x00]);
  }
}

export const MQTT3_PACKETS: FuzzSource = {
  name: 'mqtt3-packets',
  port: ({ mqttPort }) => mqttPort,
  *connection(random) {
    const clientId = deviceId(random);
    const connect = generate(connectPacket(clientId, random));
    yield random.chance(0.9) ? connect : mutate(connect, random);
    // Most connections end with the first damaged packet: what comes before it is MQTT.
    const damage = random.pick([0, 0.002, 0.01, 0.1]);
    for (let sent = 0; sent < PACKETS_A_CONNECTION; sent++) {
      const packet = generate(anyPacket(clientId, random));
      yield random.chance(damage) ? mutate(packet, random) : packet;
    }
    if (random.chance(0.3)) yield generate({ cmd: 'disconnect' });
  },
};
