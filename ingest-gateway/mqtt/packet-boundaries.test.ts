import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { PacketBoundaries } from './packet-boundaries.ts';

const packets: readonly Packet[] = [
  { cmd: 'pingreq' },
  { cmd: 'pubrel', messageId: 1 },
  { cmd: 'publish', topic: 'a', payload: Buffer.alloc(300), qos: 1, messageId: 2, dup: false, retain: false },
  { cmd: 'publish', topic: 'a', payload: Buffer.alloc(700), qos: 0, dup: false, retain: false },
];
const stream = fc.array(fc.constantFrom(...packets.map((packet) => mqttPacket.generate(packet))), {
  maxLength: 12,
});

describe('PacketBoundaries', () => {
  it('cuts after the wanted number of packets, wherever the input was cut before', () => {
    fc.assert(
      fc.property(
        stream,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 999 }),
        (sent, most, size) => {
          const input = Buffer.concat(sent);
          const boundaries = new PacketBoundaries();
          const parser = mqttPacket.parser();
          let inSlice = 0;
          let received = 0;
          parser.on('packet', () => {
            inSlice++;
            received++;
          });
          for (let at = 0; at < input.length; ) {
            const slice = input.subarray(at, at + size);
            const taken = boundaries.take(slice, most);
            inSlice = 0;
            parser.parse(slice.subarray(0, taken));
            expect(inSlice).toBeLessThanOrEqual(most);
            expect(taken < slice.length ? inSlice : most).toBe(most);
            at += taken;
          }
          expect(received).toBe(sent.length);
        },
      ),
    );
  });

  it('passes over packets, and tells those that begin and end in the input', () => {
    fc.assert(
      fc.property(stream, fc.nat(), fc.nat(), (sent, from, cut) => {
        const input = Buffer.concat(sent);
        const begun = from % (input.length + 1);
        const end = begun + (cut % (input.length - begun + 1));
        const boundaries = new PacketBoundaries();
        boundaries.take(input.subarray(0, begun), Number.POSITIVE_INFINITY);
        const told: number[] = [];
        boundaries.passOver(input.subarray(begun, end), (first) => told.push(first) > 0);
        const ends = sent.map((_, index) => Buffer.concat(sent.slice(0, index + 1)).length);
        const whole = sent.filter((packet, i) => {
          const at = ends[i] as number;
          return at - packet.length >= begun && at <= end;
        });
        expect(told).toEqual(whole.map((packet) => packet[0]));
      }),
    );
  });

  it('passes over nothing behind a packet at which it is told to stop', () => {
    const told: number[] = [];
    const input = Buffer.from([0xc0, 0, 0xe0, 0, 0xc0, 0]);
    new PacketBoundaries().passOver(input, (first) => told.push(first) < 2);
    expect(told).toEqual([0xc0, 0xe0]);
  });

  it('goes on after a length that is no MQTT, for the parser to refuse it', () => {
    const input = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]);
    expect(new PacketBoundaries().take(input, 1)).toBe(input.length);
  });
});
