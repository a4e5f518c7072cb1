import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import type { ParserInternals, ReceivedPacket } from './aedes-internals.ts';
import { structureFaultOf } from './packet-structure.ts';
import { readingPublishes } from './plain-publish.ts';

const CONNECT = mqttPacket.generate({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId: 'dev-1',
  keepalive: 60,
});

type Parse = ParserInternals['parse'];

/** What comes out of a parser for this input, up to the first fault: the packets, as the guards behind it let them pass. */
function outcome(input: Buffer, cuts: readonly number[], with_: (parser: ParserInternals) => Parse): unknown {
  const parser = mqttPacket.parser() as unknown as ParserInternals;
  const seen: unknown[] = [];
  parser.on('packet', ({ cmd, length, ...rest }) => {
    const packet: ReceivedPacket = { cmd, ...(length !== undefined && { length }), ...rest };
    if (structureFaultOf(packet) === undefined) seen.push(essence(packet));
    else parser._emitError(new Error('against the rules'));
  });
  (parser as unknown as NodeJS.EventEmitter).on('error', () => seen.push('fault'));
  const parse = with_(parser);
  parse(CONNECT);
  const places = [...cuts.map((at) => at % (input.length + 1)), input.length].toSorted((a, b) => a - b);
  let from = 0;
  for (const to of places) {
    if (parser.error === null && to > from) parse(input.subarray(from, to));
    from = to;
  }
  return { seen, held: parser.error === null ? parser._list.length : 0 };
}

function essence({ cmd, topic, payload, qos, retain, dup, length, messageId }: ReceivedPacket): unknown {
  return cmd === 'publish'
    ? { topic, payload: String(payload), qos, retain, dup, length, messageId }
    : { cmd, messageId };
}

const byParser = (parser: ParserInternals): Parse => parser.parse.bind(parser);

const ids = fc.integer({ min: 0, max: 0xffff });
const topics = fc.oneof(
  fc.constantFrom('devices/dev-1/telemetry', 'devices/dev-2/telemetry', 'ä/b', ''),
  fc.string({ maxLength: 200 }),
);
const publishes = fc
  .record({
    topic: topics,
    /** Bytes that are no UTF-8 where the topic is not ASCII. */
    isLatin: fc.boolean(),
    payload: fc.string({ maxLength: 200 }),
    flags: fc.integer({ min: 0, max: 15 }),
    id: ids,
    /** Bytes that its length says too few, or too many. */
    off: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -6, max: 6 })),
    /** Topics that end beyond the packet. */
    topicOff: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 300 })),
  })
  .map(({ topic, isLatin, payload, flags, id, off, topicOff }) => {
    const name = Buffer.from(topic, isLatin ? 'latin1' : 'utf8');
    const body = Buffer.concat([
      twoBytes(Math.max(0, name.length + topicOff)),
      name,
      (flags & 0x06) === 0 ? Buffer.alloc(0) : twoBytes(id),
      Buffer.from(payload),
    ]);
    return Buffer.concat([Buffer.from([0x30 | flags]), lengthOf(Math.max(0, body.length + off)), body]);
  });
const others = fc.oneof(
  fc.constant(mqttPacket.generate({ cmd: 'pingreq' })),
  fc.constant(mqttPacket.generate({ cmd: 'disconnect' })),
  ids.map((id) => Buffer.concat([Buffer.from([0x62, 2]), twoBytes(id)])),
  ids.map((id) => Buffer.concat([Buffer.from([0x82, 6]), twoBytes(id), Buffer.from([0, 1, 0x61, 0])])),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);
const inputs = fc
  .array(fc.oneof({ weight: 4, arbitrary: publishes }, others), { maxLength: 12 })
  .map((packets) => Buffer.concat(packets));

function twoBytes(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}

function lengthOf(length: number): Buffer {
  return length < 0x80 ? Buffer.from([length]) : Buffer.from([(length & 0x7f) | 0x80, length >> 7]);
}

describe('PUBLISHes that are read by us [P10]', () => {
  it('come out as the parser would read them, and so does everything else, whatever comes and however it is cut', () => {
    fc.assert(
      fc.property(inputs, fc.array(fc.nat(), { maxLength: 12 }), (input, cuts) => {
        expect(outcome(input, cuts, readingPublishes)).toEqual(outcome(input, cuts, byParser));
      }),
      { numRuns: 2_000 },
    );
  });

  it('have the topic that they say, not one before that reads alike in another encoding', () => {
    const publishOf = (topic: Buffer): Buffer =>
      Buffer.concat([Buffer.from([0x30]), lengthOf(topic.length + 2), twoBytes(topic.length), topic]);
    const input = Buffer.concat([
      publishOf(Buffer.from('größe', 'utf8')),
      publishOf(Buffer.from('größe', 'latin1')),
    ]);
    expect(outcome(input, [], readingPublishes)).toMatchObject({
      seen: [{ cmd: 'connect' }, { topic: 'größe' }, { topic: 'gr\ufffd\ufffde' }],
    });
  });

  it('are read without the parser, also those behind a packet that is not ours, and behind one that came in two pieces', () => {
    const parser = mqttPacket.parser() as unknown as ParserInternals;
    const topics: (string | undefined)[] = [];
    parser.on('packet', ({ cmd, topic }) => cmd === 'publish' && topics.push(topic));
    const parsed: number[] = [];
    const original = parser.parse.bind(parser);
    parser.parse = (bytes) => {
      parsed.push(bytes.length);
      return original(bytes);
    };
    const parse = readingPublishes(parser);
    const publish = (topic: string): Buffer =>
      mqttPacket.generate({ cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false });
    parse(CONNECT);
    parsed.length = 0;
    parse(
      Buffer.concat([
        publish('a'),
        mqttPacket.generate({ cmd: 'pingreq' }),
        publish('b'),
        publish('c').subarray(0, 4),
      ]),
    );
    parse(Buffer.concat([publish('c').subarray(4), publish('d')]));
    expect(topics).toEqual(['a', 'b', 'c', 'd']);
    expect(parsed).toEqual([2, 4, 2]);
  });
});
