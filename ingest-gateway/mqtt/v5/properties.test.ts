import { describe, expect, it } from 'vitest';
import { type ClientPacket, decodePacket, type PacketHead } from './decode-packet.ts';
import type { PacketFault } from './packet-reader.ts';

/** Where a property may stand, in a packet of a client: MQTT 5, table 2-4, as it stands there. */
const TABLE: readonly (readonly [id: number, kind: Kind, places: readonly Place[]])[] = [
  [0x01, 'byte', ['PUBLISH', 'Will']],
  [0x02, 'four', ['PUBLISH', 'Will']],
  [0x03, 'text', ['PUBLISH', 'Will']],
  [0x08, 'text', ['PUBLISH', 'Will']],
  [0x09, 'binary', ['PUBLISH', 'Will']],
  // In a PUBLISH from servers alone [MQTT-3.3.4-6].
  [0x0b, 'variable', ['SUBSCRIBE']],
  [0x11, 'four', ['CONNECT', 'DISCONNECT']],
  [0x12, 'text', []],
  [0x13, 'two', []],
  [0x15, 'text', ['CONNECT']],
  [0x16, 'binary', ['CONNECT']],
  [0x17, 'byte', ['CONNECT']],
  [0x18, 'four', ['Will']],
  [0x19, 'byte', ['CONNECT']],
  [0x1a, 'text', []],
  // In a DISCONNECT from servers alone.
  [0x1c, 'text', []],
  [0x1f, 'text', ['PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'DISCONNECT']],
  [0x21, 'two', ['CONNECT']],
  [0x22, 'two', ['CONNECT']],
  [0x23, 'two', ['PUBLISH']],
  [0x24, 'byte', []],
  [0x25, 'byte', []],
  [
    0x26,
    'pair',
    [
      'CONNECT',
      'Will',
      'PUBLISH',
      'PUBACK',
      'PUBREC',
      'PUBREL',
      'PUBCOMP',
      'SUBSCRIBE',
      'UNSUBSCRIBE',
      'DISCONNECT',
    ],
  ],
  [0x27, 'four', ['CONNECT']],
  [0x28, 'byte', []],
  [0x29, 'byte', []],
  [0x2a, 'byte', []],
];
const USER_PROPERTY = 0x26;
/** Means something beside an authentication method only. */
const AUTHENTICATION_DATA = 0x16;
const METHOD = Buffer.of(0x15, 0, 1, 0x61);

type Kind = 'byte' | 'two' | 'four' | 'variable' | 'text' | 'binary' | 'pair';
const VALUES: Readonly<Record<Kind, Buffer>> = {
  byte: Buffer.of(1),
  two: Buffer.of(0, 7),
  four: Buffer.of(0, 0, 0, 60),
  variable: Buffer.of(0x81, 0x01),
  text: Buffer.of(0, 2, 0x61, 0x62),
  binary: Buffer.of(0, 2, 0xff, 0),
  pair: Buffer.of(0, 1, 0x61, 0, 1, 0x62),
};

const TEXT = Buffer.of(0, 1, 0x61);
const ID = Buffer.of(0, 7);
const PLACES = {
  CONNECT: ['connect', (it) => [Buffer.from('00044d5154540502003c', 'hex'), it, TEXT]],
  Will: ['connect', (it) => [Buffer.from('00044d5154540506003c', 'hex'), Buffer.of(0), TEXT, it, TEXT, TEXT]],
  PUBLISH: ['publish', (it) => [TEXT, ID, it]],
  PUBACK: ['puback', (it) => [ID, Buffer.of(0), it]],
  PUBREC: ['pubrec', (it) => [ID, Buffer.of(0), it]],
  PUBREL: ['pubrel', (it) => [ID, Buffer.of(0), it]],
  PUBCOMP: ['pubcomp', (it) => [ID, Buffer.of(0), it]],
  SUBSCRIBE: ['subscribe', (it) => [ID, it, TEXT, Buffer.of(0)]],
  UNSUBSCRIBE: ['unsubscribe', (it) => [ID, it, TEXT]],
  DISCONNECT: ['disconnect', (it) => [Buffer.of(0), it]],
} as const satisfies Record<string, readonly [cmd: string, body: (properties: Buffer) => readonly Buffer[]]>;
type Place = keyof typeof PLACES;

function decode(place: Place, ...properties: readonly Buffer[]): ClientPacket | PacketFault {
  const [cmd, parts] = PLACES[place];
  const bytes = Buffer.concat(properties);
  const body = Buffer.concat(parts(Buffer.concat([Buffer.of(bytes.length), bytes])));
  const head: PacketHead = { cmd, qos: 1, dup: false, retain: false, length: body.length };
  return decodePacket(head, body);
}

const cases = TABLE.flatMap(([id, kind, places]) =>
  (Object.keys(PLACES) as Place[]).map(
    (place) =>
      ({
        name: `0x${id.toString(16)} in ${place}`,
        id,
        kind,
        place,
        isAllowed: places.includes(place),
      }) as const,
  ),
);
const property = (id: number, value: Buffer): Buffer => Buffer.concat([Buffer.of(id), value]);

describe('each property in each packet [P10]', () => {
  it.each(cases)('$name: allowed is $isAllowed', ({ id, kind, place, isAllowed }) => {
    const beside = id === AUTHENTICATION_DATA ? [METHOD] : [];
    const right = property(id, VALUES[kind]);
    const decoded = decode(place, ...beside, right);
    if (!isAllowed) {
      expect(decoded).toHaveProperty('kind', expect.stringMatching(/^(malformed|against-rules)$/));
      return;
    }
    expect(decoded).toHaveProperty('cmd', PLACES[place][0]);
    const twice = decode(place, ...beside, right, right);
    if (id === USER_PROPERTY) expect(twice).toHaveProperty('cmd');
    else expect(twice).toHaveProperty('kind', 'against-rules');
    for (let length = 0; length < VALUES[kind].length; length++) {
      const cut = decode(place, ...beside, property(id, VALUES[kind].subarray(0, length)));
      expect(cut, `${length} bytes of it`).toHaveProperty('kind', 'malformed');
    }
    if (kind === 'byte') {
      const two = decode(place, property(id, Buffer.of(2)));
      expect(two, 'neither yes nor no').toHaveProperty('kind', 'against-rules');
    }
    if (kind !== 'text' && kind !== 'pair') return;
    for (const bad of [
      [0xff, 0xfe],
      [0xc0, 0x80],
      [0x61, 0x00],
      [0xed, 0xa0],
    ]) {
      const value = Buffer.from(VALUES[kind]);
      value.set(kind === 'text' ? bad : bad.slice(-1), value.length - (kind === 'text' ? 2 : 1));
      expect(decode(place, property(id, value)), `${bad}`).toHaveProperty('kind', 'malformed');
    }
  });

  it('an identifier that no packet has, or that takes more bytes than it needs', () => {
    for (const place of Object.keys(PLACES) as Place[])
      for (const id of [[0x00], [0x04], [0x14], [0x2b], [0x7f], [0xff, 0x01], [0xa6, 0x00]])
        expect(decode(place, Buffer.from(id), VALUES.pair), `${id} in ${place}`).toHaveProperty(
          'kind',
          'malformed',
        );
  });
});
