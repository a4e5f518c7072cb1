import type { PacketFault } from './packet-reader.ts';

/**
 * The topics that a client gave short numbers for, for the time of its connection (MQTT 5, 3.3.2.3.4). A topic may be 64 KiB
 * long, and each client keeps us a few of them: so not only their number is bounded, but all of their characters.
 */
export class TopicAliases {
  readonly #maximum: number;
  readonly #maxCharacters: number;
  readonly #topics: (string | undefined)[] = [];
  #characters = 0;

  /**
   * @param maximum as it was told in CONNACK
   * @param maxCharacters of all topics that have an alias
   */
  constructor(maximum: number, maxCharacters: number) {
    this.#maximum = maximum;
    this.#maxCharacters = maxCharacters;
  }

  /**
   * The topic of a PUBLISH, which sets its alias when it carries both.
   *
   * @param topic empty: the alias says which
   * @returns a fault for an alias without a topic, one above the maximum, and one for more text than is kept
   */
  resolve(topic: string, alias: number | undefined): string | PacketFault {
    if (alias === undefined) return topic;
    if (alias > this.#maximum)
      return { kind: 'topic-alias', why: `topic alias ${alias} is above ${this.#maximum}` };
    const known = this.#topics[alias];
    if (topic === '') return known ?? { kind: 'against-rules', why: `topic alias ${alias} has no topic` };
    const characters = this.#characters + topic.length - (known?.length ?? 0);
    if (characters > this.#maxCharacters) {
      const why = `topics behind aliases of more than ${this.#maxCharacters} characters in all`;
      return { kind: 'long-aliases', why };
    }
    this.#characters = characters;
    this.#topics[alias] = topic;
    return topic;
  }
}
