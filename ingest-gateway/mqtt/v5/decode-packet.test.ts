import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { type ClientPacket, decodePacket, protocolVersionOf } from './decode-packet.ts';
import type { PacketFault } from './packet-reader.ts';

const COMMANDS = [
  'reserved',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
];

/** As the parser of mqtt-packet hands it over: fixed header read, body complete. */
function decode(bytes: Buffer): ClientPacket | PacketFault {
  const first = bytes[0] as number;
  let at = 1;
  while ((bytes[at++] as number) >= 0x80);
  const body = bytes.subarray(at);
  return decodePacket(
    {
      cmd: COMMANDS[first >> 4] as string,
      qos: (first >> 1) & 3,
      dup: (first & 8) !== 0,
      retain: (first & 1) !== 0,
      length: body.length,
    },
    body,
  );
}

const decodeGenerated = (packet: object): ClientPacket | PacketFault =>
  decode(generate(packet as Packet, { protocolVersion: 5 }));

/** A packet of this first byte and body. */
const raw = (first: number, ...parts: readonly (number | string | Buffer)[]): ClientPacket | PacketFault => {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
  );
  return decode(Buffer.concat([Buffer.of(first), variableBytes(body.length), body]));
};
const text = (content: string | Buffer): Buffer => {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
};
const variableBytes = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let left = value; left > 0 || bytes.length === 0; left >>= 7)
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  return Buffer.from(bytes);
};
const publish = (...properties: readonly (number | string | Buffer)[]): ClientPacket | PacketFault => {
  const bytes = Buffer.concat(
    properties.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
  );
  return raw(0x32, text('a/b'), 0, 7, bytes.length, bytes, 'payload');
};

const word = fc.string({ unit: fc.constantFrom(...'abcxyz019-_./ äß€😀'), minLength: 1, maxLength: 20 });
const topic = word.filter((it) => it.length > 0);
const userProperties = fc.dictionary(word, word, { minKeys: 1, maxKeys: 3, noNullPrototype: true });

describe('decoder of MQTT 5 packets', () => {
  it('reads what another implementation writes: PUBLISH', () => {
    const properties = fc.record(
      {
        payloadFormatIndicator: fc.boolean(),
        messageExpiryInterval: fc.integer({ min: 1, max: 0xffffffff }),
        topicAlias: fc.integer({ min: 1, max: 65_535 }),
        responseTopic: topic,
        correlationData: fc.uint8Array({ maxLength: 20 }).map((it) => Buffer.from(it)),
        userProperties,
        contentType: word,
      },
      { requiredKeys: [] },
    );
    const arbitrary = fc.record({
      topic,
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      messageId: fc.integer({ min: 1, max: 65_535 }),
      retain: fc.boolean(),
      payload: fc.uint8Array({ maxLength: 300 }).map((it) => Buffer.from(it)),
      properties,
    });
    fc.assert(
      fc.property(arbitrary, (packet) => {
        const decoded = decodeGenerated({ cmd: 'publish', dup: false, ...packet });
        expect(decoded).toMatchObject({
          cmd: 'publish',
          topic: packet.topic,
          qos: packet.qos,
          retain: packet.retain,
          messageId: packet.qos === 0 ? 0 : packet.messageId,
        });
        expect((decoded as { payload: Buffer }).payload.equals(packet.payload)).toBe(true);
        const { topicAlias, responseTopic } = packet.properties;
        expect((decoded as { properties: object }).properties).toEqual({
          ...(topicAlias !== undefined && { topicAlias }),
          ...(responseTopic !== undefined && { responseTopic }),
        });
      }),
    );
  });

  it('reads what another implementation writes: CONNECT', () => {
    const arbitrary = fc.record(
      {
        clientId: fc.string({ maxLength: 30 }).filter((it) => !it.includes('\u0000')),
        clean: fc.boolean(),
        keepalive: fc.nat({ max: 65_535 }),
        username: word,
        password: fc.uint8Array({ minLength: 1, maxLength: 30 }).map((it) => Buffer.from(it)),
        will: fc.record({
          topic,
          qos: fc.constantFrom(0, 1, 2),
          retain: fc.boolean(),
          payload: fc.uint8Array({ minLength: 1, maxLength: 30 }).map((it) => Buffer.from(it)),
          properties: fc.record({ willDelayInterval: fc.nat(), contentType: word, userProperties }),
        }),
        properties: fc.record(
          {
            sessionExpiryInterval: fc.integer({ min: 1, max: 0xffffffff }),
            receiveMaximum: fc.integer({ min: 1, max: 65_535 }),
            maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
            topicAliasMaximum: fc.nat({ max: 65_535 }),
            requestResponseInformation: fc.boolean(),
            requestProblemInformation: fc.constant(true),
            userProperties,
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['clientId', 'clean', 'keepalive', 'properties'] },
    );
    fc.assert(
      fc.property(arbitrary, (packet) => {
        // What the other implementation does not write, though the standard allows it.
        if (packet.clientId === '') packet.clean = true;
        if (packet.username === undefined) delete packet.password;
        const decoded = decodeGenerated({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 5,
          ...packet,
        });
        expect(decoded).toMatchObject({
          cmd: 'connect',
          clientId: packet.clientId,
          clean: packet.clean,
          keepalive: packet.keepalive,
          hasWill: packet.will !== undefined,
          username: packet.username,
        });
        expect((decoded as { password?: Buffer }).password?.toString('hex')).toBe(
          packet.password?.toString('hex'),
        );
        const { sessionExpiryInterval, maximumPacketSize } = packet.properties;
        expect((decoded as { properties: object }).properties).toMatchObject({
          ...(sessionExpiryInterval !== undefined && { sessionExpiryInterval }),
          ...(maximumPacketSize !== undefined && { maximumPacketSize }),
        });
      }),
    );
  });

  it('reads the small packets', () => {
    for (const cmd of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      const properties = { reasonString: 'so', userProperties: { a: 'b' } };
      const reasonCode = cmd === 'pubrel' || cmd === 'pubcomp' ? 0x92 : 0x87;
      expect(decodeGenerated({ cmd, messageId: 9, reasonCode, properties })).toEqual({ cmd, messageId: 9 });
      expect(decodeGenerated({ cmd, messageId: 9 })).toEqual({ cmd, messageId: 9 });
    }
    expect(raw(0x62, 0, 9)).toEqual({ cmd: 'pubrel', messageId: 9 });
    expect(raw(0x62, 0, 9, 0x92)).toEqual({ cmd: 'pubrel', messageId: 9 });
    expect(raw(0xc0)).toEqual({ cmd: 'pingreq' });
    expect(raw(0xe0)).toEqual({ cmd: 'disconnect', sessionExpiryInterval: undefined });
    expect(raw(0xe0, 0x04)).toEqual({ cmd: 'disconnect', sessionExpiryInterval: undefined });
    const properties = { sessionExpiryInterval: 60 };
    expect(decodeGenerated({ cmd: 'disconnect', reasonCode: 0, properties })).toEqual({
      cmd: 'disconnect',
      sessionExpiryInterval: 60,
    });
    expect(raw(0xf0, 0x18, 0)).toEqual({ cmd: 'auth' });
    expect(decodeGenerated({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['a', 'b/#'] })).toEqual({
      cmd: 'unsubscribe',
      messageId: 3,
      filters: ['a', 'b/#'],
    });
  });

  it('[P9] has an answer to each filter of a SUBSCRIBE, and none of them is yes', () => {
    const filters = [
      'a/b',
      '#',
      'a/+/b',
      '+',
      '/',
      '$share/g/a',
      '$share/g/#',
      'a/b#',
      'a+',
      'a/#/b',
      '$share/g/',
      '$share/+/a',
      '$SYS/#',
    ];
    const subscriptions = filters.map((it) => ({ topic: it, qos: 1, nl: false, rap: false, rh: 0 }));
    const answers = [
      'subscriptionRefused',
      'wildcardSubscriptionRefused',
      'wildcardSubscriptionRefused',
      'wildcardSubscriptionRefused',
      'subscriptionRefused',
      'sharedSubscriptionRefused',
      'sharedSubscriptionRefused',
      'filterInvalid',
      'filterInvalid',
      'filterInvalid',
      'filterInvalid',
      'filterInvalid',
      'wildcardSubscriptionRefused',
    ];
    expect(decodeGenerated({ cmd: 'subscribe', messageId: 3, subscriptions })).toEqual({
      cmd: 'subscribe',
      messageId: 3,
      answers,
    });
    const identified = {
      cmd: 'subscribe',
      messageId: 3,
      subscriptions,
      properties: { subscriptionIdentifier: 5 },
    };
    expect(decodeGenerated(identified)).toMatchObject({
      answers: answers.map((it) =>
        it === 'filterInvalid' || it === 'sharedSubscriptionRefused' ? it : 'subscriptionIdentifierRefused',
      ),
    });
  });

  it('[P10] tells what cannot be read (0x81) from what is against the rules (0x82)', () => {
    const malformed: Record<string, ClientPacket | PacketFault> = {
      'a PUBLISH without room for its identifier': raw(0x32, text('a/b')),
      'a topic longer than its packet': raw(0x30, 0, 9, 'a'),
      'a topic with U+0000': raw(0x30, text('a\u0000b'), 0),
      'a topic with half a surrogate pair': raw(0x30, text(Buffer.of(0xed, 0xa0, 0x80)), 0),
      'a wildcard in the topic': raw(0x30, text('a/+'), 0),
      'DUP with QoS 0': raw(0x38, text('a'), 0),
      'properties longer than their packet': raw(0x30, text('a'), 100, 1, 1),
      'a property longer than the properties': publish(3, 0, 5, 'ab'),
      'a property cut off': publish(35, 0),
      'a length of five bytes': raw(0x30, text('a'), 0xff, 0xff, 0xff, 0xff, 1),
      'a length that is longer than it needs': raw(0x30, text('a'), 0x80, 0),
      'a length that never ends': raw(0x30, text('a'), 0x80),
      'a property that no packet has': publish(127, 0),
      'a property of CONNECT': publish(17, 0, 0, 0, 1),
      'a property of the server': publish(18, text('x')),
      'a content type that is not UTF-8': publish(3, text(Buffer.of(0xff))),
      'the name of a user property that is not UTF-8': publish(38, text(Buffer.of(0xc0, 0x80)), text('a')),
      'a user property without its value': publish(38, text('a')),
      'bytes behind a PUBREL': raw(0x62, 0, 1, 0, 0, 5),
      'a PUBREL of one byte': raw(0x62, 0),
      'a reason code that PUBREL has not': raw(0x62, 0, 1, 0x87),
      'a reason code that DISCONNECT has not': raw(0xe0, 0x8b),
      'PINGREQ with a body': raw(0xc0, 1),
      'a packet type that is reserved': raw(0x00),
      'a subscription of QoS 3': raw(0x82, 0, 1, 0, text('a'), 3),
      'a subscription with retain handling 3': raw(0x82, 0, 1, 0, text('a'), 0x30),
      'a subscription with reserved options': raw(0x82, 0, 1, 0, text('a'), 0x40),
      'a subscription without options': raw(0x82, 0, 1, 0, text('a')),
      'a will with QoS 3': raw(0x10, text('MQTT'), 5, 0x1e, 0, 60, 0, text('a'), 0, text('t'), text('p')),
      'the QoS of a will that is not there': raw(0x10, text('MQTT'), 5, 0x0a, 0, 60, 0, text('a')),
      'the reserved flag of CONNECT': raw(0x10, text('MQTT'), 5, 0x03, 0, 60, 0, text('a')),
      'bytes behind a CONNECT': raw(0x10, text('MQTT'), 5, 0x02, 0, 60, 0, text('a'), 0),
      'a client id that is not UTF-8': raw(0x10, text('MQTT'), 5, 0x02, 0, 60, 0, text(Buffer.of(0xff))),
      'a user name that is not there': raw(0x10, text('MQTT'), 5, 0x82, 0, 60, 0, text('a')),
    };
    const against: Record<string, ClientPacket | PacketFault> = {
      'a PUBLISH with identifier 0': raw(0x32, text('a'), 0, 0, 0),
      'two topic aliases': publish(35, 0, 1, 35, 0, 2),
      'two content types': publish(3, text('a'), 3, text('a')),
      'a subscription identifier to the server': publish(11, 5),
      'a payload format that is neither': publish(1, 2),
      'an empty response topic': publish(8, text('')),
      'a response topic with a wildcard': publish(8, text('a/#')),
      'no topic and no alias': raw(0x30, text(''), 0),
      'SUBSCRIBE without a filter': raw(0x82, 0, 1, 0),
      'UNSUBSCRIBE without a filter': raw(0xa2, 0, 1, 0),
      'subscription identifier 0': raw(0x82, 0, 1, 2, 11, 0, text('a'), 0),
      '"no local" on a shared subscription': raw(0x82, 0, 1, 0, text('$share/g/a'), 4),
      'PUBACK of identifier 0': raw(0x40, 0, 0),
      'receive maximum 0': raw(0x10, text('MQTT'), 5, 2, 0, 60, 3, 33, 0, 0, text('a')),
      'maximum packet size 0': raw(0x10, text('MQTT'), 5, 2, 0, 60, 5, 39, 0, 0, 0, 0, text('a')),
      'request problem information 2': raw(0x10, text('MQTT'), 5, 2, 0, 60, 2, 23, 2, text('a')),
      'authentication data without a method': raw(
        0x10,
        text('MQTT'),
        5,
        2,
        0,
        60,
        4,
        22,
        text('x'),
        text('a'),
      ),
      'CONNACK from a client': raw(0x20, 0, 0, 0),
      'PINGRESP from a client': raw(0xd0),
    };
    for (const [what, packet] of Object.entries(malformed))
      expect(packet, what).toMatchObject({ kind: 'malformed' });
    for (const [what, packet] of Object.entries(against))
      expect(packet, what).toMatchObject({ kind: 'against-rules' });
    expect(publish(35, 0, 0)).toMatchObject({ kind: 'topic-alias' });
  });

  it('judges the names and values of user properties as every other text, though it makes nothing of them', () => {
    const bytes = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }).map((it) => Buffer.from(it)),
      fc.uint8Array({ maxLength: 20 }).map((it) => Buffer.from(it)),
    );
    fc.assert(
      fc.property(bytes, bytes, (name, value) => {
        const isFault = (packet: ClientPacket | PacketFault): boolean => 'kind' in packet;
        const user = publish(38, text(name), text(value), 35, 0, 4);
        expect(isFault(user)).toBe(isFault(publish(3, text(name))) || isFault(publish(3, text(value))));
        if (!isFault(user)) expect(user).toHaveProperty('properties.topicAlias', 4);
      }),
      { numRuns: 2_000 },
    );
    const traced = publish(...[38, text('traceparent'), text('1')], ...[38, text('traceparent'), text('2')]);
    expect(traced).toHaveProperty('properties', { traceparent: '1' });
    expect(publish(38, text('tracesstate'), text('1'), 38, text('tracestate'), text('2'))).toHaveProperty(
      'properties',
      { tracestate: '2' },
    );
  });

  it('[P10] looks at the length of properties before it reads them', () => {
    const pair = Buffer.concat([Buffer.of(38), text('a'), text('b')]);
    const lastPair = (bytes: number): Buffer =>
      Buffer.concat([Buffer.of(38), text('a'), text('x'.repeat(bytes))]);
    const packetOf = (length: number): ClientPacket | PacketFault => {
      const pairs = Math.floor((length - 100) / pair.length);
      const rest = length - pairs * pair.length - 6;
      const properties = Buffer.concat([...Array.from({ length: pairs }, () => pair), lastPair(rest)]);
      const head = { cmd: 'publish', qos: 0, dup: false, retain: false, length: 0 };
      return decodePacket(head, Buffer.concat([text('a'), variableBytes(properties.length), properties]));
    };
    expect(packetOf(LIMITS.propertyBytes)).toMatchObject({ cmd: 'publish' });
    expect(packetOf(LIMITS.propertyBytes + 1)).toEqual({
      kind: 'against-rules',
      why: 'more than 8192 bytes of properties',
    });
    expect(packetOf(LIMITS.packetBytes - 100)).toMatchObject({ kind: 'against-rules' });
  });

  it('carries the trace context, the first of each name', () => {
    const traceparent = Buffer.concat([Buffer.of(38), text('traceparent'), text('first')]);
    const again = Buffer.concat([Buffer.of(38), text('traceparent'), text('second')]);
    const tracestate = Buffer.concat([Buffer.of(38), text('tracestate'), text('a=b')]);
    expect(publish(traceparent, again, tracestate)).toMatchObject({
      properties: { traceparent: 'first', tracestate: 'a=b' },
    });
  });

  it('[P10] never throws, whatever the bytes are', () => {
    const packet = fc.tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 120 }));
    fc.assert(
      fc.property(packet, ([first, body]) => {
        const decoded = decode(Buffer.concat([Buffer.of(first, body.length), body]));
        expect(decoded).toBeTypeOf('object');
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('protocol version', () => {
  it('is found in a CONNECT alone', () => {
    const body = (version: number): Buffer => Buffer.concat([text('MQTT'), Buffer.of(version, 2)]);
    expect(protocolVersionOf(body(5))).toBe(5);
    expect(protocolVersionOf(body(4))).toBe(4);
    expect(protocolVersionOf(body(6))).toBe(6);
    expect(protocolVersionOf(text('MQTT'))).toBeUndefined();
    expect(protocolVersionOf(Buffer.concat([text('MQIsdp'), Buffer.of(3, 2)]))).toBeUndefined();
    expect(protocolVersionOf(Buffer.alloc(0))).toBeUndefined();
    expect(protocolVersionOf(Buffer.of(0, 200, 77, 81))).toBeUndefined();
  });
});
