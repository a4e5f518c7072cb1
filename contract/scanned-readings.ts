import type { ReadingScanner } from '#contract/reading-scanner.ts';
import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';

/** What readings of one schema have in common that say the same things in the same order. One object in all of a `ScannedReadings`. */
export interface ReadingForm {
  readonly schema: ReadingSchema;
  readonly hasSeq: boolean;
  /** Of `values`, by their order in the reading. */
  readonly fields: readonly FieldDefinition[];
}

const EXPECTED_NUMBERS = 8;

/**
 * What a `ReadingScanner` found in many readings, in columns: thousands of them wait for a store at a time, and an object
 * for each would be copied by the garbage collector, or the bytes scanned once more.
 *
 * Of each reading stand one behind the other, from `firsts` on: `ts`; `seq`, if it has one; its values.
 */
export class ScannedReadings {
  readonly forms: ReadingForm[] = [];
  readonly firsts: number[] = [];
  #numbers: Float64Array<ArrayBuffer>;
  #starts: Int32Array<ArrayBuffer>;
  #ends: Int32Array<ArrayBuffer>;
  #used = 0;
  /** All that were met, the last one in front. */
  #known: ReadingForm[] = [];

  /** @param expected readings; there may be more */
  constructor(expected = 1) {
    this.#numbers = new Float64Array(expected * EXPECTED_NUMBERS);
    this.#starts = new Int32Array(this.#numbers.length);
    this.#ends = new Int32Array(this.#numbers.length);
  }

  get length(): number {
    return this.forms.length;
  }

  /** By place; booleans as 0 and 1. To be asked for anew after `add`. */
  get numbers(): Float64Array<ArrayBuffer> {
    return this.#numbers;
  }

  /** Where each number begins in the bytes of its message, as it was written there. */
  get starts(): Int32Array<ArrayBuffer> {
    return this.#starts;
  }

  get ends(): Int32Array<ArrayBuffer> {
    return this.#ends;
  }

  /** Takes what was scanned last, of this schema. */
  add(schema: ReadingSchema, scanner: ReadingScanner): void {
    const { count, values, starts, ends, seq } = scanner;
    if (this.#used + count + 2 > this.#numbers.length) this.#grow(count + 2);
    this.forms.push(this.#formOf(schema, scanner));
    this.firsts.push(this.#used);
    this.#put(scanner.ts, scanner.tsStart, scanner.tsEnd);
    if (seq >= 0) this.#put(seq, scanner.seqStart, scanner.seqEnd);
    for (let i = 0; i < count; i++) this.#put(values[i] as number, starts[i] as number, ends[i] as number);
  }

  /** Forgets those behind the first `length`. */
  truncate(length: number): void {
    if (length >= this.length) return;
    this.#used = this.firsts[length] as number;
    this.forms.length = length;
    this.firsts.length = length;
  }

  #put(value: number, start: number, end: number): void {
    const at = this.#used++;
    this.#numbers[at] = value;
    this.#starts[at] = start;
    this.#ends[at] = end;
  }

  #formOf(schema: ReadingSchema, { seq, count, fields }: ReadingScanner): ReadingForm {
    const hasSeq = seq >= 0;
    const known = this.#known;
    for (let i = 0; i < known.length; i++) {
      const form = known[i] as ReadingForm;
      if (form.schema === schema && form.hasSeq === hasSeq && beginsWith(fields, count, form.fields))
        return form;
    }
    const form = { schema, hasSeq, fields: fields.slice(0, count) };
    known.unshift(form);
    return form;
  }

  #grow(numbers: number): void {
    const length = 2 * this.#numbers.length + numbers;
    this.#numbers = larger(new Float64Array(length), this.#numbers);
    this.#starts = larger(new Int32Array(length), this.#starts);
    this.#ends = larger(new Int32Array(length), this.#ends);
  }
}

function beginsWith(fields: readonly unknown[], count: number, known: readonly unknown[]): boolean {
  if (count !== known.length) return false;
  for (let i = 0; i < count; i++) if (fields[i] !== known[i]) return false;
  return true;
}

function larger<Column extends { set(from: ArrayLike<number>): void }>(
  column: Column,
  from: ArrayLike<number>,
): Column {
  column.set(from);
  return column;
}
