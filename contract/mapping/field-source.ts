import type { FieldDefinition } from '#contract/schema-registry.ts';
import type { Source } from './scope.ts';

/** A field of a schema, and where its value stands. */
export interface FieldSource {
  readonly field: FieldDefinition;
  readonly source: Source;
}
