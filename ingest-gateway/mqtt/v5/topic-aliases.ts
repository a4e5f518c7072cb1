/** The topics that a client gave short numbers for, for the time of its connection (MQTT 5, 3.3.2.3.4). */
export class TopicAliases {
  readonly #maximum: number;
  readonly #topics: (string | undefined)[] = [];

  /** @param maximum as it was told in CONNACK */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The topic of a PUBLISH, which sets its alias when it carries both.
   *
   * @param topic empty: the alias says which
   * @returns `undefined` for an alias without a topic, `null` for one above the maximum
   */
  resolve(topic: string, alias: number | undefined): string | undefined | null {
    if (alias === undefined) return topic;
    if (alias > this.#maximum) return null;
    if (topic === '') return this.#topics[alias];
    this.#topics[alias] = topic;
    return topic;
  }
}
