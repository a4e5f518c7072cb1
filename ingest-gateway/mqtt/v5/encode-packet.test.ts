import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import {
  encodeAcknowledgement,
  encodeConnack,
  encodeDisconnect,
  encodeSubscriptionAnswer,
} from './encode-packet.ts';

/** As another implementation reads it. */
function parse(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    throw error;
  });
  expect(parser.parse(bytes)).toBe(0);
  return packets;
}

const id = fc.integer({ min: 1, max: 65_535 });

describe('encoder of MQTT 5 packets', () => {
  it('writes CONNACK with what it announces, and nothing else', () => {
    const properties = {
      receiveMaximum: 800,
      maximumPacketSize: 262_144,
      topicAliasMaximum: 10,
      retainAvailable: 0,
    };
    expect(parse(encodeConnack(0, true, properties))).toMatchObject([
      {
        cmd: 'connack',
        reasonCode: 0,
        sessionPresent: true,
        properties: { ...properties, retainAvailable: false },
      },
    ]);
    expect(parse(encodeConnack(0x85, false))).toMatchObject([
      { cmd: 'connack', reasonCode: 0x85, sessionPresent: false },
    ]);
    expect(encodeConnack(0x85, false)).toEqual(Buffer.of(0x20, 3, 0, 0x85, 0));
  });

  it('writes acknowledgements that others read', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('puback' as const, 'pubrec' as const),
        id,
        fc.constantFrom(0, 0x83, 0x87, 0x97, 0x99),
        fc.option(fc.string({ maxLength: 300 }), { nil: undefined }),
        (type, messageId, code, reasonString) => {
          const bytes = encodeAcknowledgement(type, messageId, code, reasonString, Number.POSITIVE_INFINITY);
          const [packet] = parse(bytes) as unknown as { properties?: { reasonString?: string } }[];
          expect(packet).toMatchObject({ cmd: type, messageId, reasonCode: code });
          expect(packet?.properties?.reasonString).toBe(reasonString?.toWellFormed());
        },
      ),
    );
    expect(encodeAcknowledgement('puback', 7, 0, undefined, 100)).toEqual(Buffer.of(0x40, 2, 0, 7));
    expect(encodeAcknowledgement('pubcomp', 7, 0x92, undefined, 100)).toEqual(Buffer.of(0x70, 3, 0, 7, 0x92));
    expect(encodeAcknowledgement('pubrel', 7, 0x92, undefined, 100)).toEqual(Buffer.of(0x62, 3, 0, 7, 0x92));
  });

  it('leaves the reason string out for a client that takes small packets only [MQTT-3.1.2-24]', () => {
    const told = encodeAcknowledgement('puback', 7, 0x99, 'why', 100);
    expect(encodeAcknowledgement('puback', 7, 0x99, 'why', told.length)).toEqual(told);
    expect(encodeAcknowledgement('puback', 7, 0x99, 'why', told.length - 1)).toEqual(
      Buffer.of(0x40, 3, 0, 7, 0x99),
    );
    const goodbye = encodeDisconnect(0x8b, 'why', 100);
    expect(parse(goodbye)).toMatchObject([{ reasonCode: 0x8b, properties: { reasonString: 'why' } }]);
    expect(encodeDisconnect(0x8b, 'why', goodbye.length - 1)).toEqual(Buffer.of(0xe0, 1, 0x8b));
  });

  it('writes one code a filter', () => {
    expect(parse(encodeSubscriptionAnswer('suback', 3, Buffer.of(0x87, 0xa2)))).toMatchObject([
      { cmd: 'suback', messageId: 3, granted: [0x87, 0xa2] },
    ]);
    const many = Buffer.alloc(20_000, 0x11);
    const [packet] = parse(encodeSubscriptionAnswer('unsuback', 3, many)) as unknown as {
      granted: number[];
    }[];
    expect(packet?.granted).toHaveLength(20_000);
  });
});
