import type { FieldKind } from '#contract/reading.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { MappingRule } from './compile-rule.ts';

/** What is known of a measurement: how it is spelt, and the kind of each field with the schema that says so. */
interface Measurement {
  readonly name: string;
  readonly fields: Map<string, { readonly kind: FieldKind; readonly schema: string }>;
}

/**
 * Types that are written to one measurement share its fields, of which a store keeps one kind each; and the embedded store
 * tells no `Weather` from `weather`. Reported at the rules that name measurements.
 */
export function checkMeasurements(rules: readonly MappingRule[], schemas: SchemaRegistry): void {
  const known = new Map<string, Measurement>();
  for (const schema of schemas.values()) {
    const measurement = measurementOf(known, schema.type);
    for (const { name, kind } of schema.fields.values()) {
      if (!measurement.fields.has(name)) measurement.fields.set(name, { kind, schema: schema.name });
    }
  }
  for (const { readings, at } of rules) {
    for (const { kind, schema } of readings) {
      if (kind.measurement === undefined) continue;
      const measurement = measurementOf(known, kind.measurement);
      if (measurement.name !== kind.measurement) {
        at.fault(
          `the measurement ${kind.measurement} differs from ${measurement.name} by capital letters only`,
        );
        continue;
      }
      for (const field of schema.fields.values()) {
        const held = measurement.fields.get(field.name);
        if (held === undefined) measurement.fields.set(field.name, { kind: field.kind, schema: schema.name });
        else if (held.kind !== field.kind) {
          at.fault(
            `the measurement ${measurement.name} has ${JSON.stringify(field.name)} as ${field.kind} of ${schema.name} and as ${held.kind} of ${held.schema}`,
          );
        }
      }
    }
  }
}

function measurementOf(known: Map<string, Measurement>, name: string): Measurement {
  const key = name.toLowerCase();
  const held = known.get(key) ?? { name, fields: new Map() };
  known.set(key, held);
  return held;
}
