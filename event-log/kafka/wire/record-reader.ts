import type { RecordHeaders } from '#contract/log-record.ts';

/**
 * Reads the fields of records, one after the other. The records of a batch have the same headers with mostly the same
 * values: each text is compared with the one in its place in the record before, and made only when it differs.
 */
export class RecordReader {
  at = 0;
  readonly #bytes: Buffer;
  readonly #lastTexts: string[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Zigzag, seven bits a byte; exact up to 2^53. @throws RangeError when the bytes end in it */
  readVarint(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[this.at++];
      if (byte === undefined) throw new RangeError('a record batch ends within a record');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  readBytes(): Buffer | null {
    const length = this.readVarint();
    if (length < 0) return null;
    const start = this.#skip(length);
    return this.#bytes.subarray(start, this.at);
  }

  /** Of a header that comes several times the last one counts, as with Kafka's own `lastHeader`. */
  readHeaders(): RecordHeaders {
    const headers: Record<string, string> = {};
    const count = this.readVarint();
    for (let index = 0; index < count; index++) {
      const name = this.#readText(2 * index);
      const value = this.#readText(2 * index + 1);
      if (name in Object.prototype) define(headers, name, value);
      else headers[name] = value;
    }
    return headers;
  }

  /** Null is read as empty. */
  #readText(place: number): string {
    const length = this.readVarint();
    if (length <= 0) return '';
    const start = this.#skip(length);
    const last = this.#lastTexts[place];
    if (last !== undefined && this.#isAscii(last, start, length)) return last;
    const text = this.#bytes.toString('utf8', start, this.at);
    this.#lastTexts[place] = text;
    return text;
  }

  #skip(length: number): number {
    const start = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) throw new RangeError('a record batch ends within a record');
    return start;
  }

  /** Whether `text` stands there, all of it ASCII. */
  #isAscii(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f || bytes[start + i] !== code) return false;
    }
    return true;
  }
}

/** Not by assignment: a header may be called `__proto__`. */
function define(headers: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
}
