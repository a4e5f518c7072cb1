/**
 * The part of a reading's values that problems are looked for in: all known fields, and no more of the unknown ones than
 * could be told. An error made of each of 7,000 unknown properties would hold up every other device.
 *
 * @returns `values` itself when it is of an ordinary size, or no object
 */
export function excerptOf(
  values: unknown,
  fields: ReadonlyMap<string, unknown>,
  unknownFields: number,
): unknown {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
  const names = Object.keys(values);
  if (names.length <= fields.size + unknownFields) return values;
  let unknown = 0;
  const kept = names.filter((name) => fields.has(name) || unknown++ < unknownFields);
  return Object.fromEntries(kept.map((name) => [name, (values as Record<string, unknown>)[name]]));
}
