/** Schemas, and devices of each, that are remembered. */
const CAPACITY = 100;

/** Who was seen to send which schema: devices whose pages were looked at lately. Bounded. */
export class SchemaSenders {
  readonly #bySchema = new Map<string, Set<string>>();

  seen(device: string, schemas: Iterable<string>): void {
    for (const schema of schemas) {
      const devices = this.#bySchema.get(schema) ?? new Set();
      if (this.#bySchema.size < CAPACITY && devices.size < CAPACITY)
        this.#bySchema.set(schema, devices.add(device));
    }
  }

  of(schema: string): ReadonlySet<string> {
    return this.#bySchema.get(schema) ?? new Set();
  }
}
