import type { RandomStream } from '#simulator/random-stream.ts';
import type { FuzzSource } from './fuzz-source.ts';
import { mutate } from './mutate.ts';
import { hostilePayload } from './payloads.ts';

const PACKETS_A_CONNECTION = 200;
/** Of properties, right or wrong for their place: identifier, and what a value of it looks like. */
const PROPERTIES: readonly [readonly [number, Kind], ...(readonly [number, Kind])[]] = [
  [1, 'byte'],
  [2, 'four'],
  [3, 'text'],
  [8, 'text'],
  [9, 'text'],
  [11, 'variable'],
  [17, 'four'],
  [18, 'text'],
  [19, 'two'],
  [21, 'text'],
  [22, 'text'],
  [23, 'byte'],
  [24, 'four'],
  [25, 'byte'],
  [31, 'text'],
  [33, 'two'],
  [34, 'two'],
  [35, 'two'],
  [36, 'byte'],
  [38, 'pair'],
  [39, 'four'],
  [42, 'byte'],
  [127, 'byte'],
];
type Kind = 'byte' | 'two' | 'four' | 'variable' | 'text' | 'pair';
/** Those that a client may put into a PUBLISH. */
const OF_PUBLISH: ReadonlySet<number> = new Set([1, 2, 3, 8, 9, 35, 38]);

function variable(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = left & 0x7f;
    left >>>= 7;
    bytes.push(left > 0 ? low | 0x80 : low);
  } while (left > 0);
  return Buffer.from(bytes);
}

function text(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function value(kind: Kind, random: RandomStream): Buffer {
  const words: readonly [string | Buffer, ...(string | Buffer)[]] = [
    'a',
    'traceparent',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'a/#',
    '',
    'ä€😀',
    'x'.repeat(random.below(300)),
    Buffer.of(0xff, 0xc0, 0x80),
    'a\u0000b',
  ];
  switch (kind) {
    case 'byte':
      return Buffer.of(random.pick([0, 1, 1, 1, 2, 255]));
    case 'two':
      return Buffer.of(random.pick([0, 0, 0, 1, 255]), random.below(12));
    case 'four':
      return Buffer.of(random.below(2) * 255, 0, random.below(256), random.below(256));
    case 'variable':
      return random.chance(0.9) ? variable(random.below(300)) : Buffer.alloc(random.below(6), 0xff);
    case 'text':
      return text(random.pick(words));
    case 'pair':
      return Buffer.concat([text(random.pick(words)), text(random.pick(words))]);
  }
}

/** Properties with their length, which is sometimes not theirs. */
function properties(random: RandomStream, likely: ReadonlySet<number> | undefined): Buffer {
  const many = random.chance(0.001) ? random.below(3_000) : random.below(3);
  const parts: Buffer[] = [];
  for (let i = 0; i < many; i++) {
    const [id, kind] = many > 10 ? ([38, 'pair'] as const) : random.pick(PROPERTIES);
    if (likely !== undefined && !likely.has(id) && random.chance(0.995)) continue;
    parts.push(Buffer.of(id), value(kind, random));
  }
  const bytes = Buffer.concat(parts);
  return Buffer.concat([
    variable(random.chance(0.99) ? bytes.length : random.below(2 * bytes.length + 3)),
    bytes,
  ]);
}

function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(first), variable(body.length), body]);
}

function connect(clientId: string, random: RandomStream): Buffer {
  const name = Buffer.concat([text('MQTT'), Buffer.of(random.pick([5, 5, 5, 5, 5, 5, 5, 6, 0]))]);
  const hasWill = random.chance(0.1);
  const flags = Buffer.of(random.chance(0.95) ? (hasWill ? 0x06 : random.pick([0, 2])) : random.below(256));
  const will = hasWill ? [properties(random, undefined), text('a/b'), text('x')] : [];
  const calm = random.chance(0.8);
  const head = calm ? Buffer.of(0) : properties(random, new Set([17, 23, 25, 33, 34, 38, 39]));
  return packet(0x10, name, flags, Buffer.of(0, random.below(3) * 60), head, text(clientId), ...will);
}

/** One packet of a client, mostly as it should be. */
function anyPacket(clientId: string, random: RandomStream, payload: PayloadOf): Buffer {
  const id = random.chance(0.99) ? Buffer.of(random.below(3), 1 + random.below(255)) : Buffer.of(0, 0);
  const filters = (): Buffer[] =>
    Array.from({ length: random.below(20) }, () =>
      Buffer.concat([
        text(random.pick(['#', '+/x', 'a/b', '$share/g/a', '$share//', 'a#', ''])),
        Buffer.of(random.below(4)),
      ]),
    );
  const publish = (): Buffer => {
    const qos = random.pick([0, 1, 2]);
    const topic = random.chance(0.9)
      ? `devices/${clientId}/telemetry`
      : random.pick(['', 'a/b', '$SYS/x', 'devices/other/telemetry', '#']);
    return packet(
      0x30 | (qos << 1) | (random.chance(0.05) ? 8 : 0) | (random.chance(0.05) ? 1 : 0),
      text(topic),
      ...(qos > 0 ? [id] : []),
      properties(random, OF_PUBLISH),
      payload(random),
    );
  };
  const packets: readonly [() => Buffer, ...(() => Buffer)[]] = [
    publish,
    () => packet(0x82, id, properties(random, new Set([11, 38])), ...filters()),
    () => packet(0xa2, id, properties(random, new Set([38])), ...filters().map((it) => it.subarray(0, -1))),
    () => packet(random.pick([0x40, 0x50, 0x62, 0x70]), id),
    () => packet(0x62, id, Buffer.of(random.pick([0, 0x92, 0x10])), properties(random, new Set([31, 38]))),
    () => packet(0xc0),
  ];
  return random.chance(0.7) ? publish() : random.pick(packets)();
}

/** The packets that are right at no time: each ends its connection, so they come last. */
function lastWord(random: RandomStream): Buffer {
  return random.pick([
    packet(0xf0, Buffer.of(0x18, 0)),
    packet(0xe0, Buffer.of(0), properties(random, undefined)),
    packet(0x82, Buffer.of(0, 1, 0)),
    packet(0x10, Buffer.of(0)),
    Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01),
  ]);
}

type PayloadOf = (random: RandomStream) => Buffer;

/** What a client sends, from its CONNECT to its end. */
export function* mqtt5Conversation(random: RandomStream, payload: PayloadOf): Generator<Buffer> {
  const clientId = `fuzz5-${random.below(200)}`;
  const greeting = connect(clientId, random);
  yield random.chance(0.9) ? greeting : mutate(greeting, random);
  const damage = random.pick([0, 0.002, 0.01, 0.1]);
  for (let sent = 0; sent < PACKETS_A_CONNECTION; sent++) {
    const next = anyPacket(clientId, random, payload);
    yield random.chance(damage) ? mutate(next, random) : next;
  }
  if (random.chance(0.5)) yield lastWord(random);
}

export const MQTT5_PACKETS: FuzzSource = {
  name: 'mqtt5-packets',
  port: ({ mqttPort }) => mqttPort,
  connection: (random) => mqtt5Conversation(random, hostilePayload),
};
