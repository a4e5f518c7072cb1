import type { MessageVerdict } from '#contract/mqtt5-message-answers.ts';

/** What became of a message, as far as its sender is told. */
export type MessageOutcome =
  /** Taken over, as readings or as dead letters; with QoS 1 and 2 it is durable. */
  | 'accepted'
  /** Thrown away for good: to a topic that is not the device's own. It need not send that again. */
  | 'discarded'
  /** Not durable: there is no acknowledgement, the connection ends, and the device sends it again. */
  | Error;

/** The other side of a connection. */
export interface Sender {
  /**
   * Tells it what became of a message, in the order of its PUBLISHes: once for each with QoS 1 or 2. An error ends the connection,
   * whatever the QoS.
   *
   * @param verdict why some of an accepted message is a dead letter
   */
  answer(qos: 0 | 1 | 2, messageId: number, outcome: MessageOutcome, verdict?: MessageVerdict): void;
}

/** One message that waits for its acknowledgement. */
export interface PendingAcknowledgement {
  outcome: 'pending' | MessageOutcome;
  /** The message that came after it. */
  next: PendingAcknowledgement | undefined;
  /** It is its turn. */
  answer(outcome: MessageOutcome): void;
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
  // A list through the messages themselves: what was released is held by nobody, and a waiting one costs no memory here.
  #first: PendingAcknowledgement | undefined;
  #last: PendingAcknowledgement | undefined;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  push(message: PendingAcknowledgement): void {
    if (this.#closed) return;
    if (this.#last === undefined) this.#first = message;
    else this.#last.next = message;
    this.#last = message;
  }

  settle(message: PendingAcknowledgement, outcome: MessageOutcome): void {
    message.outcome = outcome;
    if (this.#first === message) this.#release();
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
    for (let message = this.#first; message !== undefined; message = this.#first) {
      const { outcome, next } = message;
      if (outcome === 'pending') break;
      if (typeof outcome !== 'string') {
        const failed = message;
        this.discard();
        // Closing in the same turn would drop the acknowledgements that were just written.
        setImmediate(() => failed.answer(outcome));
        return;
      }
      this.#first = next;
      // One that is old would keep all that came after it from the collection of what is young.
      message.next = undefined;
      if (next === undefined) this.#last = undefined;
      message.answer(outcome);
    }
    if (this.#first !== undefined || this.#whenEmpty === undefined) return;
    const callback = this.#whenEmpty;
    this.#whenEmpty = undefined;
    callback();
  }
}
