import type { EachBatchPayload } from 'kafkajs';

/** How far a partition is done with: the offset to go on from. */
interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** Any batch's of a consumer: it commits for the whole consumer. */
export type SendCommit = EachBatchPayload['commitOffsetsIfNecessary'];

interface Waiting extends PartitionOffset {
  readonly send: SendCommit;
  readonly lost: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The commits of a consumer's partitions, in common requests: each is a record that the brokers keep, so a request for
 * each partition cost a broker more than everything else when there was little to do.
 *
 * One request is under way at a time. What is to be committed meanwhile, or in the turn in which the first one comes, is
 * the next request; nobody waits for a clock. When it fails, it failed for all.
 */
export class SharedCommits {
  #waiting: Waiting[] = [];
  #isBusy = false;

  /**
   * Resolves when the offset is committed, or when `lost` had fired before it was sent: nothing is committed then, and the
   * caller, who has the same signal, must not go on as if it were.
   *
   * @throws what `send` throws
   */
  commit(offset: PartitionOffset, send: SendCommit, lost: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...offset, send, lost, resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      setImmediate(() => void this.#sendAll());
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0);
      const due = taken.filter(({ lost }) => !lost.aborted);
      try {
        // The newest: what an older batch has in its hands may be over.
        await due.at(-1)?.send({ topics: byTopic(due) });
        for (const { resolve } of taken) resolve();
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    this.#isBusy = false;
  }
}

function byTopic(offsets: readonly PartitionOffset[]) {
  return Array.from(
    Map.groupBy(offsets, ({ topic }) => topic),
    ([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition, offset }) => ({ partition, offset })),
    }),
  );
}
