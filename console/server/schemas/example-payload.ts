import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';

/** A payload of this schema for a person to begin with: it passes now, unless the schema asks for what cannot be guessed. */
export function examplePayload(schema: ReadingSchema, now: number): string {
  const values = Object.fromEntries(
    [...schema.fields.values()].map((field) => [field.name, exampleOf(field)]),
  );
  return JSON.stringify({ schema: schema.name, ts: now, seq: 1, values }, null, 2);
}

function exampleOf({ kind, schema }: FieldDefinition): unknown {
  const [given] = [schema['const'], ...listOf(schema['examples']), ...listOf(schema['enum'])].filter(
    (value) => value !== undefined,
  );
  if (given !== undefined) return given;
  if (kind === 'boolean') return true;
  if (kind === 'string')
    return 'text'.padEnd(Number(schema['minLength'] ?? 0), '.').slice(0, Number(schema['maxLength'] ?? 4));
  const [from, to] = listOf(schema['x-typical']);
  const low = numberOf(from ?? schema['minimum'] ?? schema['exclusiveMinimum']);
  const high = numberOf(to ?? schema['maximum'] ?? schema['exclusiveMaximum']);
  const middle =
    low === undefined ? (high === undefined ? 1 : high - 1) : high === undefined ? low + 1 : (low + high) / 2;
  return kind === 'integer' ? Math.round(middle) : Math.round(middle * 100) / 100;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
