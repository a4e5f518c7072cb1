import mqttPacket from 'mqtt-packet';
import type { Attack } from '#tests/security/attack.ts';
import { each, flood, openDevice, untilOver, write } from '#tests/security/attackers.ts';

const PARTIAL_BYTES = 250_000;

/** The beginning of a PUBLISH that announces more than it brings. */
function unfinishedPublish(index: number, sentBytes: number): Buffer {
  const topic = `devices/attacker-${index}/telemetry`;
  const whole = mqttPacket.generate({
    cmd: 'publish',
    topic,
    payload: Buffer.alloc(PARTIAL_BYTES, ' '),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });
  return whole.subarray(0, sentBytes);
}

export const MEMORY_ATTACKS: readonly Attack[] = [
  {
    name: 'unfinished-publishes',
    what: '2,000 devices each send all but the end of a PUBLISH of 250 KB',
    seenIn: 'ingest_refused_total{reason="partial-packets"}',
    async run({ mqttPort }, signal) {
      await each(2_000, signal, async (index) =>
        write(
          await openDevice(mqttPort, `attacker-${index}`, signal),
          unfinishedPublish(index, PARTIAL_BYTES),
        ),
      );
      await untilOver(signal);
    },
  },
  {
    name: 'half-closed',
    what: '200 devices send 100 KB of a PUBLISH of 250 KB and close their side',
    seenIn: 'ingest_cut_packets_total',
    async run({ mqttPort }, signal) {
      await each(200, signal, async (index) => {
        const socket = await openDevice(mqttPort, `attacker-${index}`, signal);
        write(socket, unfinishedPublish(index, 100_000));
        socket.end();
      });
      await untilOver(signal);
    },
  },
  {
    name: 'batches-of-bad-readings',
    what: '10 devices fill the messages in flight with batches of 500 bad readings',
    seenIn: 'ingest_dead_letters_total{reason="schema-violation"}',
    run: ({ mqttPort }, signal) =>
      each(10, signal, async (index) => {
        const topic = `devices/attacker-${index}/telemetry`;
        const payload = JSON.stringify(Array.from({ length: 500 }, () => ({ bad: 'x'.repeat(100) })));
        const packet = mqttPacket.generate({
          cmd: 'publish',
          topic,
          payload,
          qos: 1,
          messageId: 1,
          dup: false,
          retain: false,
        });
        await flood(await openDevice(mqttPort, `attacker-${index}`, signal), packet, signal);
      }),
  },
];
