/** Reads from a packet's bytes; `mqtt-packet` keeps them as a list of pieces. */
export interface PacketBytes {
  readUInt8(at: number): number;
  readUInt16BE(at: number): number;
}

/** A packet as `mqtt-packet` parsed it; other fields by kind. */
export interface ParsedPacket {
  readonly cmd: string;
  readonly qos?: number;
  readonly length?: number;
  readonly messageId?: number | undefined;
  readonly topic?: string;
  readonly payload?: Uint8Array | string;
}

/** Sent by servers only (MQTT 3.1.1, 2.2.1). */
const FROM_SERVERS = new Set(['connack', 'suback', 'unsuback', 'pingresp']);
/** A packet id of 0 is no id [MQTT-2.3.1-1]. */
const WITH_ID = new Set(['puback', 'pubrec', 'pubrel', 'pubcomp', 'subscribe', 'unsubscribe']);
/** The parser's word for "there was no room for one", when nothing came behind the packet yet. */
const NO_ID = -1;
const TOPIC_LENGTH_BYTES = 2;
const ID_BYTES = 2;
const FILTER_LENGTH_BYTES = 2;

/** What is against the rules of MQTT in a packet and passes `mqtt-packet`; `undefined` = nothing. */
export function structureFaultOf(packet: ParsedPacket): string | undefined {
  const { cmd, qos = 0, messageId, length = 0 } = packet;
  if (cmd === 'publish') {
    if (qos === 0) return undefined;
    return idFault(packet) ?? (packet.payload?.length === 0 ? idBeyondPacket(packet) : undefined);
  }
  if (FROM_SERVERS.has(cmd)) return `${cmd} from a client`;
  if (!WITH_ID.has(cmd)) return undefined;
  return length < ID_BYTES ? `${cmd} without a packet id` : idFault({ cmd, messageId });
}

function idFault({ cmd, messageId = NO_ID }: Pick<ParsedPacket, 'cmd' | 'messageId'>): string | undefined {
  if (messageId > 0) return undefined;
  return `${cmd} ${messageId === 0 ? 'with packet id 0' : 'without a packet id'}`;
}

/** The parser does not look where a PUBLISH ends when it reads its id: it would be taken from the next packet. */
function idBeyondPacket({ topic = '', length = 0 }: ParsedPacket): string | undefined {
  const needed = TOPIC_LENGTH_BYTES + Buffer.byteLength(topic) + ID_BYTES;
  return needed > length ? 'publish without a packet id' : undefined;
}

export interface FilterCount {
  /** Bytes of the packet behind its fixed header. */
  readonly length: number;
  /** Bytes behind each filter: 1 in SUBSCRIBE. */
  readonly optionBytes: number;
  /** MQTT 5: properties stand between packet id and filters. */
  readonly hasProperties: boolean;
  /** Counting ends behind so many. */
  readonly most: number;
}

/**
 * Counts the topic filters of a SUBSCRIBE or UNSUBSCRIBE without making anything of them: each costs the parser, and
 * aedes, far more than the bytes that it takes to send one.
 *
 * @returns at most `most` + 1; a filter that is cut off counts, it is the parser that refuses it
 */
export function countFilters(
  bytes: PacketBytes,
  { length, optionBytes, hasProperties, most }: FilterCount,
): number {
  let at = ID_BYTES;
  if (hasProperties) at = behindProperties(bytes, at, length);
  let filters = 0;
  for (; at < length && filters <= most; filters++) {
    if (at + FILTER_LENGTH_BYTES > length) return filters + 1;
    at += FILTER_LENGTH_BYTES + bytes.readUInt16BE(at) + optionBytes;
  }
  return filters;
}

/** MQTT 5.0, 2.2.2: a length of at most four bytes, then so many bytes. */
function behindProperties(bytes: PacketBytes, from: number, end: number): number {
  let propertyBytes = 0;
  for (let at = from; at < Math.min(end, from + 4); at++) {
    const byte = bytes.readUInt8(at);
    propertyBytes += (byte & 0x7f) * 128 ** (at - from);
    if (byte < 0x80) return at + 1 + propertyBytes;
  }
  return end;
}
