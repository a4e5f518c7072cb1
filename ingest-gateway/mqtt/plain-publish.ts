import type { ParserInternals, ReceivedPacket } from './aedes-internals.ts';
import { PUBLISH } from './packet-type.ts';

const DUP = 0x08;
const RETAIN = 0x01;
/** MQTT 3.1.1, 2.2.3. */
const MOST_LENGTH_BYTES = 4;
/** A longer topic is read anew each time: what is remembered is held for each connection. */
const REMEMBERED_LENGTH = 256;

/**
 * Reads the PUBLISHes of an MQTT 3.1 or 3.1.1 connection straight from its input, each as mqtt-packet would: that keeps
 * the input as a list of pieces and copies each field out of it, which was a seventh of what a message cost.
 *
 * Only what is beyond reproach is read: a whole PUBLISH, with all of its fields inside of it. Everything else is none of
 * the reader's business: it says nothing, and the parser judges it.
 */
class PublishReader {
  /** Of a message before, of ASCII: most devices have one. */
  #topic = '';

  /** @param end of the packet that begins at `start` */
  read(bytes: Buffer, start: number, end: number): ReceivedPacket | undefined {
    const flags = bytes[start] as number;
    const qos = (flags >> 1) & 0x03;
    if (flags >> 4 !== PUBLISH || qos === 3) return undefined;
    let at = start + 1;
    while ((bytes[at++] as number) >= 0x80);
    const length = end - at;
    const idBytes = qos === 0 ? 0 : 2;
    if (length < 2) return undefined;
    const topicBytes = bytes.readUInt16BE(at);
    if (length < 2 + topicBytes + idBytes) return undefined;
    at += 2;
    const topic = this.#topicAt(bytes, at, topicBytes);
    at += topicBytes;
    const messageId = qos === 0 ? undefined : bytes.readUInt16BE(at);
    return {
      cmd: 'publish',
      retain: (flags & RETAIN) !== 0,
      qos,
      dup: (flags & DUP) !== 0,
      length,
      topic,
      payload: bytes.subarray(at + idBytes, end),
      messageId,
    };
  }

  #topicAt(bytes: Buffer, at: number, length: number): string {
    const last = this.#topic;
    let same = last.length === length ? 0 : -1;
    while (same >= 0 && same < length) {
      if (bytes[at + same] === last.charCodeAt(same)) same++;
      else same = -1;
    }
    if (same === length) return last;
    const topic = bytes.toString('utf8', at, at + length);
    // As many characters as bytes: ASCII, or bytes that are no UTF-8, which no byte is equal to.
    if (topic.length === length && length <= REMEMBERED_LENGTH) this.#topic = topic;
    return topic;
  }
}

/** Where the packet ends that begins at `start`; -1 = not in these bytes. */
function endOfPacket(bytes: Buffer, start: number): number {
  let length = 0;
  for (let index = 0, factor = 1; index < MOST_LENGTH_BYTES; index++, factor *= 0x80) {
    const byte = bytes[start + 1 + index];
    if (byte === undefined) return -1;
    length += (byte & 0x7f) * factor;
    if (byte >= 0x80) continue;
    const end = start + 2 + index + length;
    return end <= bytes.length ? end : -1;
  }
  return -1;
}

/**
 * The `parse` of a parser, for whom PUBLISHes are read (`PublishReader`). It is given every other packet by itself, so that
 * what comes behind it can be read again, and the beginning of one that is not whole, with all that is missing of it when
 * that comes. What it emits comes in the order of the input, from whichever of the two.
 *
 * Not for MQTT 5, nor before a CONNECT: what the parser gets then, it gets as it came.
 */
export function readingPublishes(parser: ParserInternals): ParserInternals['parse'] {
  const parse = parser.parse.bind(parser);
  const reader = new PublishReader();

  /** @returns where the packet ends that an earlier slice began; the parser has it. */
  const finish = (bytes: Buffer): number => {
    let at = 0;
    while (at < bytes.length && parser._stateCounter !== 0 && parser.error === null) {
      // While its length is not known, it is in the next byte.
      const missing = parser.packet.length === -1 ? 1 : (parser.packet.length ?? 0) - parser._list.length;
      const end = Math.min(bytes.length, at + missing);
      parse(bytes.subarray(at, end));
      at = end;
    }
    return at;
  };

  return (bytes) => {
    if (!isMqtt3(parser) || parser.error !== null) return parse(bytes);
    let at = finish(bytes);
    while (at < bytes.length && parser.error === null) {
      const end = endOfPacket(bytes, at);
      const publish = end === -1 ? undefined : reader.read(bytes, at, end);
      const next = end === -1 ? bytes.length : end;
      if (publish === undefined) parse(bytes.subarray(at, next));
      else parser.emit('packet', publish);
      at = next;
    }
    return parser._list.length;
  };
}

/** The parser itself has read a CONNECT. */
function isMqtt3({ settings }: ParserInternals): boolean {
  return settings.protocolVersion === 3 || settings.protocolVersion === 4;
}
