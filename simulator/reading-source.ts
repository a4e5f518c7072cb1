import { hash } from 'node:crypto';
import type { FieldValue, Reading } from '#contract/reading.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type RandomStream, randomStreams } from './random-stream.ts';
import { createWaveform, type Waveform } from './waveform.ts';

/** How often an optional field is left out, as sparing firmware does. */
const OMITTED = 0.03;
const TRIAL_READINGS = 300;

/** The values of one device, reading after reading. */
export class ReadingSource {
  readonly #fields: readonly { readonly name: string; readonly optional: boolean; readonly next: Waveform }[];
  readonly #random: RandomStream;

  constructor(schema: ReadingSchema, random: RandomStream) {
    this.#random = random;
    this.#fields = [...schema.fields.values()]
      .map((field) => ({ name: field.name, optional: !field.required, next: createWaveform(field, random) }))
      .filter((field): field is typeof field & { next: Waveform } => field.next !== undefined)
      // Sorted, so that what is sent is already in the canonical form that the ledger hashes.
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  next(): Record<string, FieldValue> {
    const values: Record<string, FieldValue> = {};
    let some = false;
    for (const [position, field] of this.#fields.entries()) {
      const value = field.next();
      const needed = !field.optional || (!some && position === this.#fields.length - 1);
      if (!needed && this.#random.chance(OMITTED)) continue;
      values[field.name] = value;
      some = true;
    }
    return values;
  }
}

/**
 * Tries the schemas out before a fleet starts.
 *
 * @throws PipelineError `usage` when values that a schema accepts cannot be invented (patterns, conditions).
 */
export function assertInventable(schemas: readonly ReadingSchema[]): void {
  const problems = schemas.flatMap((schema) => {
    const source = new ReadingSource(schema, randomStreams(0).next().value);
    for (let trial = 0; trial < TRIAL_READINGS; trial++) {
      const values = source.next();
      if (schema.accepts(values)) continue;
      const found = schema.problems(values)[0];
      return [
        `--types: cannot invent readings of ${schema.name} (${found?.path} ${found?.message}): add "examples" to its schema, or name other types`,
      ];
    }
    return [];
  });
  if (problems.length > 0) throw new PipelineError('usage', problems.join('\n'));
}

/** The text of a reading that is the same however it travelled: fixed key order, values sorted by name. */
export function canonicalReading(reading: Reading): string {
  const { schema, ts, seq, values } = reading;
  const sorted = Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ schema, ts, seq, values: sorted });
}

/** SHA-256. */
export function digestOf(content: string | Uint8Array): Buffer {
  return hash('sha256', content, 'buffer');
}
