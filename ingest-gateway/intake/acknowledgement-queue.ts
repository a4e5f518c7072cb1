import type { MessageVerdict } from '#contract/mqtt5-message-answers.ts';

/** What became of a message, as far as its sender is told. */
export type MessageOutcome =
  /** Taken over, as readings or as dead letters; with QoS 1 and 2 it is durable. */
  | 'accepted'
  /** Thrown away for good: to a topic that is not the device's own. It need not send that again. */
  | 'discarded'
  /** Not durable: there is no acknowledgement, the connection ends, and the device sends it again. */
  | Error;

/** Tells the sender; with why, if some of an accepted message is a dead letter. */
export type Answer = (outcome: MessageOutcome, verdict?: MessageVerdict) => void;

/** One message that waits for its acknowledgement. */
export interface PendingAcknowledgement {
  readonly answer: Answer;
  outcome: 'pending' | MessageOutcome;
  /** The message that came after it. */
  next: PendingAcknowledgement | undefined;
}

/**
 * The messages of one connection that are owed a PUBACK or PUBREC, in the order of their PUBLISHes. They become
 * durable in any order (a dead letter may overtake a reading), but acknowledgements must leave in order
 * [MQTT-4.6.0-2]: a finished message waits until it is at the head, then it and all finished ones behind it leave.
 *
 * Two states. *Open*, and *closed*: from `discard`, or when a message that is not durable comes to the head. Nothing
 * more is acknowledged then, and the device sends again what was not. MQTT 3.1.1 cannot say that one message failed,
 * so the connection ends with it.
 */
export class AcknowledgementQueue {
  // A list and not an array: what was released must not be held until the array is cut, answers hold whole packets.
  #first: PendingAcknowledgement | undefined;
  #last: PendingAcknowledgement | undefined;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  push(answer: Answer): PendingAcknowledgement {
    const entry: PendingAcknowledgement = { answer, outcome: 'pending', next: undefined };
    if (this.#closed) return entry;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  settle(entry: PendingAcknowledgement, outcome: MessageOutcome): void {
    entry.outcome = outcome;
    if (this.#first === entry) this.#release();
  }

  /** Calls back once, when nothing is owed any more; at once if that is so already. Not when the queue closes first. */
  whenEmpty(callback: () => void): void {
    if (this.#first === undefined) callback();
    else this.#whenEmpty = callback;
  }

  /** The connection is gone. */
  discard(): void {
    this.#closed = true;
    this.#first = undefined;
    this.#last = undefined;
  }

  #release(): void {
    for (let entry = this.#first; entry !== undefined; entry = this.#first) {
      const { outcome, answer, next } = entry;
      if (outcome === 'pending') break;
      if (typeof outcome !== 'string') {
        this.discard();
        // Closing in the same turn would drop the acknowledgements that were just written.
        setImmediate(answer, outcome);
        return;
      }
      this.#first = next;
      if (next === undefined) this.#last = undefined;
      answer(outcome);
    }
    if (this.#first !== undefined || this.#whenEmpty === undefined) return;
    const callback = this.#whenEmpty;
    this.#whenEmpty = undefined;
    callback();
  }
}
