/**
 * Where in a mapping file the compiler stands, and the list that everything wrong goes into. All of a file's problems
 * are told at once, each with the file, the rule and the place, so the compiler reports and goes on instead of throwing.
 */
export class FilePlace {
  readonly #problems: string[];
  readonly #file: string;
  readonly #pointer: string;
  readonly #rule: string;

  constructor(problems: string[], file: string, pointer = '', rule = '') {
    this.#problems = problems;
    this.#file = file;
    this.#pointer = pointer;
    this.#rule = rule;
  }

  /** The place of a member or an element of the value that stands here. */
  at(key: string | number): FilePlace {
    return new FilePlace(
      this.#problems,
      this.#file,
      `${this.#pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`,
      this.#rule,
    );
  }

  /** The same place, known to lie in the rule of this topic. */
  inRule(topic: string): FilePlace {
    return new FilePlace(this.#problems, this.#file, this.#pointer, ` (rule ${topic})`);
  }

  /** Reports, and returns what the compiler has of a faulty part: nothing. */
  fault(message: string): undefined {
    this.#problems.push(`${this.#file}: ${this.#pointer || '/'}${this.#rule}: ${message}`);
    return undefined;
  }

  /** How many problems there are so far, in this file and the others. */
  get faults(): number {
    return this.#problems.length;
  }

  /** `spec` as an object that has no other members than these. */
  object<Key extends string>(
    spec: unknown,
    known: readonly Key[],
  ): Readonly<Partial<Record<Key, unknown>>> | undefined {
    if (!isObject(spec)) return this.fault(`must be an object with ${known.join(', ')}`);
    for (const key of Object.keys(spec)) {
      if (!(known as readonly string[]).includes(key)) {
        this.at(key).fault(`unknown property (known here: ${known.join(', ')})`);
      }
    }
    return spec as Partial<Record<Key, unknown>>;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
