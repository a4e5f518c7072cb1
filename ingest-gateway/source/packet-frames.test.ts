import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { expect, test } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { PacketDecoder } from './packet-decoder.ts';
import { type Frame, PacketFrames } from './packet-frames.ts';

const publish = (bytes: number, messageId = 1) =>
  mqttPacket.generate({
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.alloc(bytes, 7),
    qos: 1,
    dup: false,
    retain: false,
    messageId,
  });

function framesOf(input: Buffer, cuts: readonly number[]): Frame[] {
  const frames = new PacketFrames(LIMITS.packetBytes);
  const found: Frame[] = [];
  let from = 0;
  for (const to of [...cuts, input.length]) {
    frames.push(input.subarray(from, to));
    from = to;
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) found.push(frame);
  }
  return found;
}

test('packets come out whole and in order, however the input is cut', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(), { maxLength: 30 }), (payloads, cuts) => {
      const packets = [mqttPacket.generate({ cmd: 'pingresp' }), ...payloads.map((bytes) => publish(bytes))];
      const input = Buffer.concat(packets);
      const places = cuts.map((at) => at % input.length).toSorted((a, b) => a - b);
      expect(framesOf(input, places)).toEqual(packets.map((bytes) => ({ bytes, cutBytes: 0 })));
    }),
  );
});

test('[P6] of a message that is too large the beginning is kept, and what comes behind it is found', () => {
  const large = 5 * 1024 * 1024;
  const input = Buffer.concat([publish(1, 1), publish(large, 2), publish(1, 3)]);
  const cuts = Array.from({ length: Math.floor(input.length / 65_536) }, (_, at) => (at + 1) * 65_536);
  const frames = framesOf(input, cuts);
  const decoder = new PacketDecoder(4);
  const packets = frames.map((frame) => decoder.decode(frame));
  expect(packets.map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
  const [, cut] = packets as { payload: Buffer }[];
  expect((cut?.payload.length ?? 0) + (frames[1]?.cutBytes ?? 0)).toBe(large);
  expect(cut?.payload.length).toBeGreaterThan(LIMITS.payloadBytes);
  expect(frames.every(({ bytes }) => bytes.length <= LIMITS.packetBytes + 5)).toBe(true);
});

test('[P10] a PUBLISH of MQTT 5 that was cut within its properties keeps its topic and its id', () => {
  const userProperties = Object.fromEntries(
    Array.from({ length: 6 }, (_, at) => [`k${at}`, 'v'.repeat(60_000)]),
  );
  const large = mqttPacket.generate(
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: '21.5',
      qos: 1,
      dup: true,
      retain: false,
      messageId: 7,
      properties: { userProperties },
    },
    { protocolVersion: 5 },
  );
  const [frame, ...others] = framesOf(large, []);
  expect(others).toEqual([]);
  expect(frame?.cutBytes).toBeGreaterThan(0);
  const packet = new PacketDecoder(5).decode(frame as Frame);
  expect(packet).toMatchObject({ cmd: 'publish', topic: 'a/b', qos: 1, dup: true, messageId: 7 });
  // What is left of them stands for the payload, so that it is too large for everybody.
  expect((packet as { payload: Buffer }).payload.length).toBeGreaterThan(LIMITS.payloadBytes);
});

test.each([
  ['a length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ['another packet than PUBLISH that is too large', Buffer.from([0x90, 0xff, 0xff, 0xff, 0x01])],
])('[P10] %s is refused', (_name, input) => {
  expect(() => framesOf(input, [])).toThrow();
});

test.each([
  ['ends where its packet id should be', [0x32, 4, 0, 2, 97, 98]],
  ['ends within its packet id', [0x32, 5, 0, 2, 97, 98, 1]],
  ['has the packet id 0', [0x32, 6, 0, 2, 97, 98, 0, 0]],
  ['ends within its topic', [0x30, 3, 0, 9, 97]],
])('[P10] a PUBLISH that %s is refused, and takes nothing of the next packet', (_name, bytes) => {
  const [frame] = framesOf(Buffer.from([...bytes, ...publish(1)]), []);
  expect(() => new PacketDecoder(4).decode(frame as Frame)).toThrow();
});
