import { isUtf8 } from 'node:buffer';
import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';

/** What is wrong with a packet. `malformed`: it cannot be read; the others: it may not say this, or not now (4.13). */
type PacketFaultKind =
  | 'malformed'
  | 'against-rules'
  | 'topic-alias'
  | 'long-aliases'
  | 'receive-maximum'
  | 'too-many-filters';

export interface PacketFault {
  readonly kind: PacketFaultKind;
  readonly why: string;
}

/** How a fault is answered, before and after the client was let in. */
export const ANSWER_TO_FAULT = {
  malformed: { connect: 'connectMalformed', connected: 'malformed' },
  'against-rules': { connect: 'connectAgainstRules', connected: 'againstRules' },
  'topic-alias': { connect: 'connectAgainstRules', connected: 'topicAliasInvalid' },
  'long-aliases': { connect: 'connectAgainstRules', connected: 'quotaExceeded' },
  'too-many-filters': { connect: 'connectAgainstRules', connected: 'quotaExceeded' },
  'receive-maximum': { connect: 'connectAgainstRules', connected: 'receiveMaximumExceeded' },
} as const satisfies Record<PacketFaultKind, Record<'connect' | 'connected', Mqtt5AnswerName>>;

const MOST_VARINT_BYTES = 4;
const NO_BYTES = Buffer.alloc(0);
const NO_TEXT = 'a string is not valid UTF-8';

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** ASCII but U+0000. */
function isPlain(byte: number): boolean {
  return byte > 0 && byte < 0x80;
}

/**
 * Reads the fields of one packet, never beyond its end. The first fault is kept in `fault`, and everything read after
 * it is empty and at the end: a decoder asks once, when it is done, instead of after each field.
 */
export class PacketReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;
  fault: PacketFault | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get atEnd(): boolean {
    return this.#at >= this.#end;
  }

  fail(kind: PacketFaultKind, why: string): void {
    this.fault ??= { kind, why };
    this.#at = this.#end;
  }

  byte(): number {
    return this.#has(1) ? (this.#bytes[this.#at++] as number) : 0;
  }

  twoBytes(): number {
    if (!this.#has(2)) return 0;
    const value = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  fourBytes(): number {
    if (!this.#has(4)) return 0;
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A variable byte integer: at most four bytes, and no more than it needs [MQTT-1.5.5-1]. */
  variableBytes(): number {
    let value = 0;
    for (let i = 0, factor = 1; i < MOST_VARINT_BYTES; i++, factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) this.fail('malformed', 'a variable byte integer is longer than it needs');
      return value;
    }
    this.fail('malformed', 'a variable byte integer has more than four bytes');
    return 0;
  }

  /** A packet identifier, which is never 0 [MQTT-2.2.1-3]. */
  packetId(): number {
    const id = this.twoBytes();
    if (id === 0) this.fail('against-rules', 'packet identifier 0');
    return id;
  }

  /** UTF-8 text without U+0000 [MQTT-1.5.4-1, 1.5.4-2]. */
  text(): string {
    const bytes = this.binary();
    if (isText(bytes)) return bytes.toString('utf8');
    this.fail('malformed', NO_TEXT);
    return '';
  }

  /** Judges a text as `text` does, and makes nothing of it: a packet may hold a thousand that nobody wants to know. */
  skipText(): void {
    const length = this.twoBytes();
    if (!this.#has(length)) return;
    const bytes = this.#bytes;
    const end = this.#at + length;
    let at = this.#at;
    while (at < end && isPlain(bytes[at] as number)) at++;
    if (at < end && !isText(bytes.subarray(at, end))) this.fail('malformed', NO_TEXT);
    else this.#at = end;
  }

  /** The text, if it is one of `names`; another one is skipped. */
  oneOf<Name extends string>(names: readonly Name[]): Name | undefined {
    const from = this.#at;
    const length = this.twoBytes();
    this.#at = from;
    if (names.some((name) => name.length === length)) {
      const text = this.text();
      return names.find((name) => name === text);
    }
    this.skipText();
    return undefined;
  }

  /** A view. */
  binary(): Buffer {
    return this.take(this.twoBytes());
  }

  /** A view on the next bytes. */
  take(length: number): Buffer {
    if (!this.#has(length)) return NO_BYTES;
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  /** A view on everything up to the end. */
  rest(): Buffer {
    return this.take(this.#end - this.#at);
  }

  /** A reader of the next `length` bytes alone. */
  part(length: number): PacketReader {
    const part = new PacketReader(this.take(length));
    part.fault = this.fault;
    return part;
  }

  /** Takes over what went wrong in a part. */
  join(part: PacketReader): void {
    if (part.fault !== undefined) this.fail(part.fault.kind, part.fault.why);
  }

  #has(bytes: number): boolean {
    if (this.#at + bytes <= this.#end) return true;
    this.fail('malformed', 'a field ends beyond what holds it');
    return false;
  }
}
