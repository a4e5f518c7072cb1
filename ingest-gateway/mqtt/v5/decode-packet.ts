import { LIMITS } from '#contract/limits.ts';
import { type PacketFault, PacketReader } from './packet-reader.ts';
import { type Properties, readProperties } from './properties.ts';
import { judgeFilter, type SubscriptionAnswer } from './topic-filter.ts';

/** The fixed header of a packet. */
export interface PacketHead {
  readonly cmd: string;
  readonly qos: number;
  readonly dup: boolean;
  readonly retain: boolean;
  /** Bytes after the fixed header. */
  readonly length: number;
}

export interface ConnectPacket {
  readonly cmd: 'connect';
  readonly clean: boolean;
  /** Seconds; 0 = none. */
  readonly keepalive: number;
  readonly clientId: string;
  readonly hasWill: boolean;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly properties: Properties;
}

export interface PublishPacket {
  readonly cmd: 'publish';
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Empty: the topic alias says which. */
  readonly topic: string;
  /** 0 with QoS 0. */
  readonly messageId: number;
  /** A view on the packet. */
  readonly payload: Buffer;
  readonly properties: Properties;
}

/** What MQTT 5 clients send, as far as the gateway wants to know. */
export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | { readonly cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'; readonly messageId: number }
  | {
      readonly cmd: 'subscribe';
      readonly messageId: number;
      /** One a filter. */
      readonly answers: readonly SubscriptionAnswer[];
    }
  | { readonly cmd: 'unsubscribe'; readonly messageId: number; readonly filters: readonly string[] }
  | { readonly cmd: 'pingreq' | 'auth' }
  | { readonly cmd: 'disconnect'; readonly sessionExpiryInterval: number | undefined };

const PROTOCOL_NAME = 'MQTT';
const VERSION = 5;
const NORMAL = 0x00;
/** What a client may say in PUBREL and PUBCOMP, and in DISCONNECT (3.6.2.1, 3.14.2.1). */
const RELEASE_CODES: ReadonlySet<number> = new Set([NORMAL, 0x92]);
const RECEIPT_CODES: ReadonlySet<number> = new Set([NORMAL, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const DISCONNECT_CODES: ReadonlySet<number> = new Set([
  NORMAL,
  0x04,
  0x80,
  0x81,
  0x82,
  0x83,
  0x90,
  0x93,
  0x94,
  0x95,
  0x96,
  0x97,
  0x98,
  0x99,
]);

/** Whether the body of a first packet is a CONNECT of MQTT, and of which protocol version. */
export function protocolVersionOf(body: Buffer): number | undefined {
  const name = body.subarray(2, 2 + PROTOCOL_NAME.length);
  if (body.length <= 6 || body.readUInt16BE(0) !== name.length || name.toString('latin1') !== PROTOCOL_NAME) {
    return undefined;
  }
  return body[6];
}

/**
 * Decodes the body of a packet of an MQTT 5 client by the letter of the standard: each field inside its packet, nothing
 * left over, no value that the standard forbids. Pure. What is right in itself and wrong in its place (a second CONNECT,
 * an alias that was never set) is for the connection to judge.
 */
export function decodePacket(head: PacketHead, body: Buffer): ClientPacket | PacketFault {
  const reader = new PacketReader(body);
  const packet = decode(head, reader);
  if (!reader.atEnd) reader.fail('malformed', `${head.cmd} is longer than what is in it`);
  return reader.fault ?? packet;
}

function decode(head: PacketHead, reader: PacketReader): ClientPacket {
  const { cmd } = head;
  switch (cmd) {
    case 'connect':
      return decodeConnect(reader);
    case 'publish':
      return decodePublish(head, reader);
    case 'puback':
    case 'pubrec':
      return decodeAcknowledgement(cmd, reader, RECEIPT_CODES);
    case 'pubrel':
    case 'pubcomp':
      return decodeAcknowledgement(cmd, reader, RELEASE_CODES);
    case 'subscribe':
      return decodeSubscribe(reader);
    case 'unsubscribe':
      return decodeUnsubscribe(reader);
    case 'disconnect':
      return decodeDisconnect(reader);
    case 'auth':
      // Refused whatever it says.
      reader.rest();
      return { cmd };
    case 'pingreq':
      return { cmd };
    default:
      reader.fail(cmd === 'reserved' ? 'malformed' : 'against-rules', `${cmd} from a client`);
      return { cmd: 'pingreq' };
  }
}

function decodeConnect(reader: PacketReader): ConnectPacket {
  if (reader.text() !== PROTOCOL_NAME || reader.byte() !== VERSION) {
    reader.fail('malformed', 'not MQTT 5');
  }
  const flags = reader.byte();
  const hasWill = (flags & 0x04) !== 0;
  if ((flags & 0x01) !== 0) reader.fail('malformed', 'the reserved flag of CONNECT is set');
  if (hasWill ? (flags & 0x18) === 0x18 : (flags & 0x38) !== 0)
    reader.fail('malformed', 'the flags of the will');
  const keepalive = reader.twoBytes();
  const properties = readProperties(reader, 'connect');
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    reader.fail('against-rules', 'authentication data without a method');
  }
  const clientId = reader.text();
  if (hasWill) {
    // Nobody could receive it: it only has to be right.
    readProperties(reader, 'will');
    if (/^$|[#+]/.test(reader.text())) reader.fail('malformed', 'the topic of the will');
    reader.binary();
  }
  const username = (flags & 0x80) !== 0 ? reader.text() : undefined;
  const password = (flags & 0x40) !== 0 ? reader.binary() : undefined;
  const clean = (flags & 0x02) !== 0;
  return { cmd: 'connect', clean, keepalive, clientId, hasWill, username, password, properties };
}

function decodePublish({ qos, dup, retain }: PacketHead, reader: PacketReader): PublishPacket {
  if (dup && qos === 0) reader.fail('malformed', 'DUP with QoS 0');
  const topic = reader.text();
  // [MQTT-3.3.2-2]
  if (topic.includes('#') || topic.includes('+')) reader.fail('malformed', 'a wildcard in the topic');
  const messageId = qos === 0 ? 0 : reader.packetId();
  const properties = readProperties(reader, 'publish');
  if (topic === '' && properties.topicAlias === undefined)
    reader.fail('against-rules', 'no topic and no alias');
  const payload = reader.rest();
  return { cmd: 'publish', qos: qos as 0 | 1 | 2, retain, topic, messageId, payload, properties };
}

/** Reason code and properties may be missing, from the end (3.4.2.1, 3.4.2.2.1). */
function decodeAcknowledgement(
  cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp',
  reader: PacketReader,
  codes: ReadonlySet<number>,
): ClientPacket {
  const messageId = reader.packetId();
  if (!reader.atEnd && !codes.has(reader.byte())) reader.fail('malformed', `the reason code of ${cmd}`);
  if (!reader.atEnd) readProperties(reader, 'acknowledgement');
  return { cmd, messageId };
}

function decodeSubscribe(reader: PacketReader): ClientPacket {
  const messageId = reader.packetId();
  const identified = readProperties(reader, 'subscribe').subscriptionIdentifier !== undefined;
  const answers: SubscriptionAnswer[] = [];
  while (!reader.atEnd) {
    const filter = reader.text();
    const options = reader.byte();
    if ((options & 0xc0) !== 0 || (options & 0x03) === 0x03 || (options & 0x30) === 0x30) {
      reader.fail('malformed', 'the options of a subscription');
    }
    const answer = judgeFilter(filter, identified);
    // [MQTT-3.8.3-4]
    if (answer === 'sharedSubscriptionRefused' && (options & 0x04) !== 0) {
      reader.fail('against-rules', '"no local" on a shared subscription');
    }
    answers.push(answer);
    failAbove(reader, answers.length);
  }
  // [MQTT-3.8.3-2]
  if (answers.length === 0) reader.fail('against-rules', 'SUBSCRIBE without a filter');
  return { cmd: 'subscribe', messageId, answers };
}

function decodeUnsubscribe(reader: PacketReader): ClientPacket {
  const messageId = reader.packetId();
  readProperties(reader, 'unsubscribe');
  const filters: string[] = [];
  while (!reader.atEnd) {
    filters.push(reader.text());
    failAbove(reader, filters.length);
  }
  // [MQTT-3.10.3-2]
  if (filters.length === 0) reader.fail('against-rules', 'UNSUBSCRIBE without a filter');
  return { cmd: 'unsubscribe', messageId, filters };
}

function failAbove(reader: PacketReader, filters: number): void {
  const { filtersPerPacket } = LIMITS;
  if (filters > filtersPerPacket) reader.fail('too-many-filters', `more than ${filtersPerPacket} filters`);
}

function decodeDisconnect(reader: PacketReader): ClientPacket {
  if (!reader.atEnd && !DISCONNECT_CODES.has(reader.byte())) {
    reader.fail('malformed', 'the reason code of disconnect');
  }
  const { sessionExpiryInterval } = reader.atEnd ? {} : readProperties(reader, 'disconnect');
  return { cmd: 'disconnect', sessionExpiryInterval };
}
