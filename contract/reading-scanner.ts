import {
  MOST_FIELDS,
  type PlainField,
  type PlainSchema,
  plainSchema,
  type Word,
  wordOf,
} from '#contract/plain-schema.ts';
import type { FieldDefinition, ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_T = 0x74;

/** So many digits are a whole number that a double holds exactly, … */
const MOST_DIGITS = 15;
/** … and it is the number that JSON.parse reads when it is divided by a power of ten that a double holds exactly, too. */
const POWERS_OF_TEN = Float64Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

const KEY = {
  schema: wordOf('"schema":'),
  ts: wordOf('"ts":'),
  seq: wordOf('"seq":'),
  values: wordOf('"values":'),
};
const NO_MEMORY = new DataView(new ArrayBuffer(0));
const TRUE = wordOf('true');
const FALSE = wordOf('false');

/**
 * Reads readings in their *plain form* straight from the bytes: what nearly all devices send. No text, no object, no
 * validator is made for them; that takes a fifth of the time.
 *
 * Plain is a reading when `schema` comes before `values`, no key comes twice, no space before a colon, no escape, only ASCII,
 * numbers have at most 15 digits, no exponent, and are no negative zero, whole numbers no fraction; and when its schema says no more of its
 * values than kind, bounds and which are required. Everything else is none of the scanner's business: it says "not
 * plain", never "wrong". What it accepts, `admission.ts` would accept, too, with the same values (tested against it with
 * random messages).
 *
 * The fields hold what was found in the reading that was scanned last; they are used again for the next one.
 */
export class ReadingScanner {
  schema: ReadingSchema | undefined;
  ts = 0;
  tsStart = 0;
  tsEnd = 0;
  /** -1 = the reading has none. */
  seq = -1;
  seqStart = 0;
  seqEnd = 0;
  /** How many values it has; what follows is by their order in the reading. */
  count = 0;
  readonly fields: FieldDefinition[] = [];
  readonly values = new Float64Array(MOST_FIELDS);
  /** Where the value stands in the bytes, as it was written; `tsStart` and the like say the same. */
  readonly starts = new Int32Array(MOST_FIELDS);
  readonly ends = new Int32Array(MOST_FIELDS);
  /** What is in it may change: whoever is found is looked up. */
  readonly #schemas: SchemaRegistry;
  /** Found before, the last one first. */
  #known: readonly PlainSchema[] = [];
  /** The number that was scanned last. */
  #number = 0;
  /** The memory of the message in hand, and where that begins and ends in it. */
  #memory: ArrayBufferLike = NO_MEMORY.buffer;
  #view: DataView = NO_MEMORY;
  #base = 0;
  #end = 0;

  constructor(schemas: SchemaRegistry) {
    this.#schemas = schemas;
  }

  /**
   * Scans the reading that begins at `start`.
   *
   * @returns where it ends, or -1: it is not plain
   */
  scan(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== OPEN) return -1;
    this.#look(bytes);
    let at = skipSpace(bytes, start + 1);
    let plain: PlainSchema | undefined;
    let ts = -1;
    this.seq = -1;
    this.count = 0;
    for (;;) {
      if (this.#matches(at, KEY.schema)) {
        if (plain !== undefined) return -1;
        at = skipSpace(bytes, at + KEY.schema.length);
        plain = this.#schemaAt(bytes, at);
        if (plain === undefined || !this.#matches(at, plain.name)) return -1;
        at += plain.name.length;
      } else if (this.#matches(at, KEY.ts)) {
        if (ts >= 0) return -1;
        this.tsStart = skipSpace(bytes, at + KEY.ts.length);
        at = this.#scanWhole(bytes, this.tsStart);
        this.tsEnd = at;
        ts = this.#number;
      } else if (this.#matches(at, KEY.seq)) {
        if (this.seq >= 0) return -1;
        this.seqStart = skipSpace(bytes, at + KEY.seq.length);
        at = this.#scanWhole(bytes, this.seqStart);
        this.seqEnd = at;
        this.seq = this.#number;
      } else if (this.#matches(at, KEY.values)) {
        if (plain === undefined || this.count > 0) return -1;
        at = this.#scanValues(bytes, skipSpace(bytes, at + KEY.values.length), plain);
      } else return -1;
      if (at < 0) return -1;
      at = skipSpace(bytes, at);
      const byte = bytes[at++];
      if (byte === CLOSE) break;
      if (byte !== COMMA) return -1;
      at = skipSpace(bytes, at);
    }
    if (plain === undefined || ts < 0 || this.count === 0) return -1;
    this.schema = plain.schema;
    this.ts = ts;
    return at;
  }

  /** One message lies behind the other in the same memory. */
  #look(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = bytes;
    if (buffer !== this.#memory) {
      this.#memory = buffer;
      this.#view = new DataView(buffer);
    }
    this.#base = byteOffset;
    this.#end = length;
  }

  #matches(at: number, { length, words, last }: Word): boolean {
    if (at + length > this.#end) return false;
    const view = this.#view;
    const base = this.#base + at;
    for (let i = 0; i < words.length; i++) if (view.getInt32(base + 4 * i) !== words[i]) return false;
    return view.getInt32(base + length - 4) === last;
  }

  /** The schema whose name stands there in quotes; mostly one that was found before. */
  #schemaAt(bytes: Uint8Array, at: number): PlainSchema | undefined {
    for (let i = 0; i < this.#known.length; i++) {
      const each = this.#known[i] as PlainSchema;
      if (this.#matches(at, each.name) && this.#schemas.get(each.schema.name) === each.schema) return each;
    }
    if (bytes[at] !== QUOTE) return undefined;
    let name = '';
    for (let end = at + 1; bytes[end] !== QUOTE; end++) {
      if (end >= bytes.length || name.length > MOST_NAME_CHARACTERS) return undefined;
      name += String.fromCharCode(bytes[end] as number);
    }
    const schema = this.#schemas.get(name);
    const plain = schema && plainSchema(schema);
    if (plain === undefined) return undefined;
    const others = this.#known.filter((each) => each.schema.name !== name);
    this.#known = [plain, ...others].slice(0, MOST_KNOWN);
    return plain;
  }

  #scanValues(bytes: Uint8Array, start: number, plain: PlainSchema): number {
    if (bytes[start] !== OPEN) return -1;
    const { fields, behind, required } = plain;
    let at = skipSpace(bytes, start + 1);
    let seen = 0;
    let count = 0;
    let place = 0;
    for (;;) {
      let next = behind[place] as number;
      if (!this.#matches(at, (fields[next] as PlainField).key)) {
        next = fields.findIndex(({ key }) => this.#matches(at, key));
        if (next === -1) return -1;
        behind[place] = next;
      }
      place = next + 1;
      const field = fields[next] as PlainField;
      if ((seen & (1 << next)) !== 0) return -1;
      seen |= 1 << next;
      at = skipSpace(bytes, at + field.key.length);
      this.starts[count] = at;
      at = this.#scanValue(bytes, at, field);
      if (at < 0) return -1;
      this.ends[count] = at;
      this.values[count] = this.#number;
      this.fields[count] = field.definition;
      count++;
      at = skipSpace(bytes, at);
      const byte = bytes[at++];
      if (byte === CLOSE) break;
      if (byte !== COMMA) return -1;
      at = skipSpace(bytes, at);
    }
    this.count = count;
    return (seen & required) === required ? at : -1;
  }

  #scanValue(bytes: Uint8Array, start: number, field: PlainField): number {
    if (field.definition.kind === 'boolean') {
      this.#number = bytes[start] === LETTER_T ? 1 : 0;
      const word = this.#number === 1 ? TRUE : FALSE;
      return this.#matches(start, word) ? start + word.length : -1;
    }
    const at = this.#scanNumber(bytes, start, field.definition.kind === 'float');
    const value = this.#number;
    const isOutside = value < field.min || value > field.max || value <= field.above || value >= field.below;
    return isOutside ? -1 : at;
  }

  #scanWhole(bytes: Uint8Array, start: number): number {
    return bytes[start] === MINUS ? -1 : this.#scanNumber(bytes, start, false);
  }

  #scanNumber(bytes: Uint8Array, start: number, mayHaveFraction: boolean): number {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let digits = 0;
    let byte = bytes[at] as number;
    while (byte >= ZERO && byte <= NINE) {
      digits = digits * 10 + (byte - ZERO);
      byte = bytes[++at] as number;
    }
    let length = at - first;
    if (length === 0 || (length > 1 && bytes[first] === ZERO)) return -1;
    if (byte === DOT) {
      if (!mayHaveFraction) return -1;
      const dot = at;
      byte = bytes[++at] as number;
      while (byte >= ZERO && byte <= NINE) {
        digits = digits * 10 + (byte - ZERO);
        byte = bytes[++at] as number;
      }
      const fraction = at - dot - 1;
      length += fraction;
      if (fraction === 0 || length > MOST_DIGITS) return -1;
      digits /= POWERS_OF_TEN[fraction] as number;
    } else if (length > MOST_DIGITS) return -1;
    // JavaScript writes it without its sign, and SQLite keeps it so; line protocol would get the sign of the bytes.
    if (isNegative && digits === 0) return -1;
    this.#number = isNegative ? -digits : digits;
    return at;
  }
}

/** Of a schema: type and version. */
const MOST_NAME_CHARACTERS = 71;
/** Schemas that are compared with before one is looked up. */
const MOST_KNOWN = 16;

/** What JSON takes for space. */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; )
    byte = bytes[++at];
  return at;
}
