import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';

/**
 * The schemas a fleet speaks: `names` are types (their newest version) or `<type>/<version>`; none = every type.
 *
 * @throws PipelineError `usage` naming what does not exist, and what does.
 */
export function chooseSchemas(
  registry: SchemaRegistry,
  names: readonly string[] = [],
): readonly [ReadingSchema, ...ReadingSchema[]] {
  const newest = new Map<string, ReadingSchema>();
  for (const schema of registry.values()) {
    if (schema.version > (newest.get(schema.type)?.version ?? 0)) newest.set(schema.type, schema);
  }
  const known = (name: string): ReadingSchema | undefined => registry.get(name) ?? newest.get(name);
  const unknown = names.filter((name) => known(name) === undefined);
  const chosen =
    names.length === 0 ? [...newest.values()] : names.map(known).filter((schema) => schema !== undefined);
  const [first, ...rest] = chosen;
  if (unknown.length > 0 || first === undefined) {
    throw new PipelineError(
      'usage',
      `--types: there is no ${unknown.join(', ')}; known: ${[...newest.keys()].sort().join(', ')}`,
    );
  }
  return [first, ...rest];
}
