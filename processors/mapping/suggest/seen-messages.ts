import { LIMITS } from '#contract/limits.ts';
import type { ForeignMessage } from '#contract/mapping/foreign-message.ts';

/** What was seen on one topic. */
export interface SeenTopic {
  readonly topic: string;
  readonly samples: readonly ForeignMessage[];
}

/** Topics that no pattern can name as they are: its braces are captures. */
const NO_PATTERN = /[{}+#]/;
/** Bounds of what is remembered: a broker may have any number of topics, with any payloads. */
const BOUNDS = { topics: 2_000, samplesPerTopic: 4, topicCharacters: 256, bytes: 32 * 1024 * 1024 };

/**
 * Messages as they go by, within bounds: of each topic the first few that differ. What has no room is counted, so that a
 * person is told that the suggestion does not know everything.
 */
export class SeenMessages {
  readonly #byTopic = new Map<string, ForeignMessage[]>();
  #bytes = 0;
  messages = 0;
  /** Messages that were not looked at: too large, or beyond the bounds. */
  leftOut = 0;

  add(message: ForeignMessage): void {
    this.messages++;
    const { topic, payload } = message;
    const samples = this.#byTopic.get(topic) ?? [];
    if (samples.length >= BOUNDS.samplesPerTopic) return;
    if (samples.some((known) => Buffer.compare(known.payload, payload) === 0)) return;
    const fits =
      payload.length <= LIMITS.payloadBytes &&
      topic.length <= BOUNDS.topicCharacters &&
      topic.split('/').length <= LIMITS.topicDepth &&
      !NO_PATTERN.test(topic) &&
      this.#bytes + payload.length <= BOUNDS.bytes &&
      (samples.length > 0 || this.#byTopic.size < BOUNDS.topics);
    if (!fits) {
      this.leftOut++;
      return;
    }
    this.#bytes += payload.length;
    this.#byTopic.set(topic, samples);
    // A copy: the payload may be a view on what was read.
    samples.push({ ...message, payload: Uint8Array.from(payload) });
  }

  topics(): readonly SeenTopic[] {
    return Array.from(this.#byTopic, ([topic, samples]) => ({ topic, samples }));
  }
}
