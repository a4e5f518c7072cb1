import mqttPacket from 'mqtt-packet';
import { expect, it } from 'vitest';
import type { ClientPacket } from '#ingest-gateway/mqtt/v5/decode-packet.ts';
import { type PacketTaker, speakMqtt5 } from '#ingest-gateway/mqtt/v5/speak-mqtt5.ts';
import { randomStreams } from '#simulator/random-stream.ts';
import { mqtt5Conversation } from './mqtt5-packets.ts';

const INPUTS = 1_000_000;
/** Nobody looks at it here. */
const PAYLOAD = Buffer.from('{}');
const seed = Math.floor(Math.random() * 2 ** 31);

/**
 * Aim: nothing that a client sends makes the parser with our decoder throw, hang or go on behind a fault. In process, so
 * that a million inputs take a minute; the same source is sent over sockets by `npm run fuzz`.
 */
it(`[P10] ${INPUTS.toLocaleString('en-US')} packets of MQTT 5: each is decoded or refused`, () => {
  const random = randomStreams(seed).next().value;
  const counts = { inputs: 0, packets: 0, faults: 0, connections: 0, versions: 0, wrong: 0 };
  while (counts.inputs < INPUTS) {
    counts.connections++;
    let ended = false;
    const taker: PacketTaker = {
      take: (packet: ClientPacket) => {
        // Counted and not asserted: a million assertions take minutes.
        if (ended || (packet.cmd === 'publish' && packet.qos > 0 && packet.messageId === 0)) counts.wrong++;
        counts.packets++;
      },
      refuseVersion: () => {
        ended = true;
        counts.versions++;
      },
      fault: () => {
        ended = true;
        counts.faults++;
      },
    };
    const parser = mqttPacket.parser();
    parser.on('error', () => {
      ended = true;
    });
    speakMqtt5(parser, () => taker);
    for (const piece of mqtt5Conversation(random, () => PAYLOAD)) {
      counts.inputs++;
      // Cut somewhere, as a network cuts.
      const at = random.below(piece.length + 1);
      for (const slice of [piece.subarray(0, at), piece.subarray(at)]) {
        if (!ended && slice.length > 0) parser.parse(Buffer.from(slice));
      }
      if (ended) break;
    }
  }
  process.stderr.write(`seed ${seed}: ${JSON.stringify(counts)}\n`);
  expect(counts.wrong, `seed ${seed}`).toBe(0);
  expect(counts.packets, `seed ${seed}`).toBeGreaterThan(INPUTS / 10);
  expect(counts.faults, `seed ${seed}`).toBeGreaterThan(INPUTS / 1_000);
});
