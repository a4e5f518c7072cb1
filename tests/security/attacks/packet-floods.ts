import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { Attack, Target } from '#tests/security/attack.ts';
import { each, flood, openDevice, repeated, write } from '#tests/security/attackers.ts';

const ATTACKERS = 10;
const BYTES_A_WRITE = 64 * 1024;

/** Ten connected devices send one packet for ever, as fast as they are read. */
function packetFlood(
  name: string,
  what: string,
  seenIn: string,
  packet: Uint8Array,
  { attackers = ATTACKERS, version = 4 }: { attackers?: number; version?: 4 | 5 } = {},
): Attack {
  const bytes = repeated(packet, Math.max(1, Math.floor(BYTES_A_WRITE / packet.length)));
  return {
    name,
    what: `${attackers} devices send ${what} as fast as they are read`,
    seenIn,
    run: (target: Target, signal: AbortSignal) =>
      each(attackers, signal, async (index) =>
        flood(await openDevice(target.mqttPort, `attacker-${index}`, signal, version), bytes, signal),
      ),
  };
}

const generate = (packet: Packet): Uint8Array => mqttPacket.generate(packet);
const manyFilters = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String.fromCharCode(97 + (index % 26)));
/** Readings with a property that no reading has. */
const unknownFields = JSON.stringify(
  Array.from({ length: 500 }, (_, seq) => ({
    schema: 'environment/1',
    ts: 1,
    seq,
    values: { temperature: 1 },
    [`x${seq}`]: 1,
  })),
);
const wideReading = JSON.stringify({
  schema: 'environment/1',
  ts: 1,
  values: Object.fromEntries(Array.from({ length: 5_500 }, (_, index) => [`x${index}`, 1])),
});

/** As many properties as are taken, and no reading. */
function propertiesFlood(): Attack {
  const userProperties = Object.fromEntries(Array.from({ length: 780 }, (_, index) => [`k${index}`, 'v']));
  const message = { payload: '', qos: 0, dup: false, retain: false, properties: { userProperties } } as const;
  return {
    name: 'properties-flood',
    what: `${ATTACKERS} devices send PUBLISH of MQTT 5 with 8 KiB of user properties as fast as they are read`,
    // The good devices speak 3.1.1.
    seenIn: 'ingest_messages_total{qos="0",version="5"}',
    run: (target, signal) =>
      each(ATTACKERS, signal, async (index) => {
        const topic = `devices/attacker-${index}/telemetry`;
        const packet = mqttPacket.generate({ cmd: 'publish', topic, ...message }, { protocolVersion: 5 });
        const socket = await openDevice(target.mqttPort, `attacker-${index}`, signal, 5);
        await flood(socket, repeated(packet, 8), signal);
      }),
  };
}

/** Each is within its rate, all of them are more than can be done; and what they leave unread is not to be worked off in one go. */
function pingsAndGone(): Attack {
  const groups = 20;
  const inGroup = 100;
  const pings = repeated(generate({ cmd: 'pingreq' }), 100_000);
  return {
    name: 'pings-and-gone',
    what: '2,000 devices send 200 KB of PINGREQ each and cut the connection, again and again',
    seenIn: 'ingest_packets_total{type="pingreq"}',
    async run({ mqttPort }, signal) {
      for (let round = 0; !signal.aborted; round++) {
        const sockets: Socket[] = [];
        for (let group = 0; group < groups; group++) {
          const opened: Socket[] = [];
          await each(inGroup, signal, async (index) => {
            opened.push(await openDevice(mqttPort, `attacker-${round}-${group}-${index}`, signal));
          });
          for (const socket of opened) write(socket, pings);
          sockets.push(...opened);
        }
        // What the kernel has not passed on when the reset comes is thrown away.
        await sleep(500);
        for (const socket of sockets) socket.resetAndDestroy();
      }
    },
  };
}

function publish(index: number, payload: string): Uint8Array {
  const topic = `devices/attacker-${index}/telemetry`;
  return generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 7, dup: false, retain: false });
}

function publishFlood(name: string, what: string, payload: string): Attack {
  return {
    name,
    what: `${ATTACKERS} devices send ${what} as fast as they are read`,
    seenIn: 'ingest_dead_letters_total{reason="schema-violation"}',
    run: (target, signal) =>
      each(ATTACKERS, signal, async (index) =>
        flood(
          await openDevice(target.mqttPort, `attacker-${index}`, signal),
          publish(index, payload),
          signal,
        ),
      ),
  };
}

export const PACKET_FLOODS: readonly Attack[] = [
  packetFlood(
    'pubrel-flood',
    'PUBREL for messages that do not exist',
    'ingest_packets_total{type="pubrel"}',
    generate({ cmd: 'pubrel', messageId: 9 }),
    { attackers: 50 },
  ),
  packetFlood(
    'pubrel-flood-5',
    'PUBREL of MQTT 5 for messages that do not exist',
    'ingest_packets_total{type="pubrel"}',
    generate({ cmd: 'pubrel', messageId: 9 }),
    { attackers: 50, version: 5 },
  ),
  propertiesFlood(),
  packetFlood(
    'pingreq-flood',
    'PINGREQ',
    'ingest_packets_total{type="pingreq"}',
    generate({ cmd: 'pingreq' }),
  ),
  pingsAndGone(),
  packetFlood(
    'puback-flood',
    'PUBACK for messages that they never got',
    'ingest_packets_total{type="puback"}',
    generate({ cmd: 'puback', messageId: 9 }),
  ),
  packetFlood(
    'subscribe-flood',
    'SUBSCRIBE with 60,000 filters',
    'ingest_refused_total{reason="too-many-filters"}',
    generate({
      cmd: 'subscribe',
      messageId: 9,
      subscriptions: manyFilters(60_000).map((topic) => ({ topic, qos: 0 as const })),
    }),
  ),
  packetFlood(
    'unsubscribe-flood',
    'UNSUBSCRIBE with 80,000 filters',
    'ingest_refused_total{reason="too-many-filters"}',
    generate({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: manyFilters(80_000) }),
  ),
  packetFlood(
    'unsubscribe-small-flood',
    'UNSUBSCRIBE with one filter',
    'ingest_packets_total{type="unsubscribe"}',
    generate({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] }),
  ),
  publishFlood('unknown-fields', 'batches of 500 readings with an unknown property', unknownFields),
  publishFlood('wide-readings', 'readings of 5,500 unknown values', wideReading),
];
