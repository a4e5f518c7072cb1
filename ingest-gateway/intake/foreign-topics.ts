import { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import { beginningOf } from '#runtime/own-text.ts';

/** Topics told apart for each device, and characters kept of each: a device can name as many as it likes. */
const TOPICS_PER_DEVICE = 8;
const TOPIC_CHARACTERS = 128;
/** Stands for all topics above that number. */
const OTHERS = '(others)';

/**
 * What one device published to topics that are not its own: counted by topic, and bounded in rate. Firmware that sends
 * its status somewhere is clumsy; a client that does nothing else, as fast as it can, is hostile.
 */
export class ForeignTopics {
  readonly #perSecond: number;
  readonly #burst: number;
  /** Both from the first one on: most devices have none, and a hundred thousand devices are remembered. */
  #byTopic: Map<string, number> | undefined;
  #bucket: TokenBucket | undefined;
  #messages = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Whether the device has had none of these yet. */
  get none(): boolean {
    return this.#byTopic === undefined;
  }

  /** All of them. */
  get messages(): number {
    return this.#messages;
  }

  /** @returns whether the rate of the device still allows it */
  count(topic: string, nowMs: number): boolean {
    this.#messages++;
    this.#byTopic ??= new Map();
    this.#bucket ??= new TokenBucket(this.#perSecond, this.#burst, nowMs);
    const known = beginningOf(topic, TOPIC_CHARACTERS);
    const name = this.#byTopic.has(known) || this.#byTopic.size < TOPICS_PER_DEVICE ? known : OTHERS;
    this.#byTopic.set(name, (this.#byTopic.get(name) ?? 0) + 1);
    if (this.#bucket.waitMs(nowMs) > 0) return false;
    this.#bucket.take(1);
    return true;
  }

  /** Messages by topic. */
  entries(): Iterable<[topic: string, messages: number]> {
    return this.#byTopic ?? [];
  }
}
