import type { PipelineError } from '#runtime/errors.ts';

/** Lets aedes go on with a PUBLISH: without an error it acknowledges, with one it closes the connection. */
export type PublishCallback = (error?: Error | null) => void;

/** One message that waits for its acknowledgement. */
export interface PendingAcknowledgement {
  readonly callback: PublishCallback;
  /** An error: the message is not durable. */
  outcome: 'pending' | 'durable' | PipelineError;
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
  // A list and not an array: what was released must not be held until the array is cut, callbacks hold whole packets.
  #first: PendingAcknowledgement | undefined;
  #last: PendingAcknowledgement | undefined;
  #closed = false;

  push(callback: PublishCallback): PendingAcknowledgement {
    const entry: PendingAcknowledgement = { callback, outcome: 'pending', next: undefined };
    if (this.#closed) return entry;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  settle(entry: PendingAcknowledgement, outcome: 'durable' | PipelineError): void {
    entry.outcome = outcome;
    if (this.#first === entry) this.#release();
  }

  /** The connection is gone. */
  discard(): void {
    this.#closed = true;
    this.#first = undefined;
    this.#last = undefined;
  }

  #release(): void {
    for (let entry = this.#first; entry !== undefined; entry = this.#first) {
      const { outcome, callback, next } = entry;
      if (outcome === 'pending') break;
      if (outcome !== 'durable') {
        this.discard();
        // Closing in the same turn would drop the acknowledgements that were just written.
        setImmediate(callback, outcome);
        return;
      }
      this.#first = next;
      if (next === undefined) this.#last = undefined;
      callback();
    }
  }
}
