/** Kinds of value a field can have; the store keeps each field of a device type in exactly one of them. */
export type FieldKind = 'integer' | 'float' | 'boolean' | 'string';

export type FieldValue = number | boolean | string;

/** One reading, as a device sends it. */
export interface Reading {
  /** `<type>/<version>`, the name of its schema. */
  readonly schema: string;
  /** Device time, integer milliseconds since the epoch. */
  readonly ts: number;
  /** Grows by one per reading of a device; lets gaps be seen. */
  readonly seq?: number;
  readonly values: Readonly<Record<string, FieldValue>>;
}
