import type { Batch as KafkajsBatch } from 'kafkajs';
import {
  decodeFetchAnswer,
  FETCH_VERSION,
  type FetchAnswer,
  type FetchedPartition,
} from './fetch-answers.ts';
import { FetchedRecord, FetchedUpTo } from './fetched-record.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

/**
 * Our records on their way through kafkajs' consumer. kafkajs fetches, buffers, filters and hands over *messages*; we
 * want `FetchedRecord`s, decoded by us in a fifth of the time. It has no setting for that, but three properties that
 * together make a tunnel:
 *
 * - *The way in*: it looks the decoder of Fetch answers up in a module's object for each request. So the decoder is
 *   replaced there ({@link letRecordsIn}), for every consumer of this process.
 * - *The end* of what was fetched goes along as a visible record of its own where no other one stands there. Else
 *   kafkajs would keep batches of which nothing is visible to itself, and nobody would commit that they are done with.
 * - *Underway* it touches nothing of a message but `offset`, `isControlRecord` and `batchContext`, by which it leaves
 *   out control records and what was aborted. A `FetchedRecord` has those, named as kafkajs names them.
 * - *The way out*: the objects that arrive in `eachBatch` are the very ones that went in, whatever their type says
 *   ({@link recordsOf}).
 *
 * `record-tunnel.test.ts` sends records through; with another decoder in place `recordsOf` refuses what comes out.
 */
export function letRecordsIn(): void {
  const response = insideKafkajs<{ decode(raw: Buffer): Promise<FetchAnswer> }>(
    `protocol/requests/fetch/v${FETCH_VERSION}/response.js`,
  );
  response.decode = decodeFetchAnswer;
}

/**
 * The records of a batch; none, when there was nothing but what nobody may see. `batch.lastOffset()` says how far it
 * goes.
 *
 * @throws TypeError when kafkajs decoded the records itself
 */
export function recordsOf(batch: Pick<KafkajsBatch, 'messages'>): readonly FetchedRecord[] {
  const messages: readonly object[] = batch.messages;
  const [first] = messages;
  if (first !== undefined && !(first instanceof FetchedRecord)) {
    throw new TypeError('kafkajs did not use the decoder that was put in place');
  }
  return withoutEnd(messages as readonly FetchedRecord[]);
}

function withoutEnd(messages: readonly FetchedRecord[]): readonly FetchedRecord[] {
  return messages.at(-1) instanceof FetchedUpTo ? messages.slice(0, -1) : messages;
}

const Batch =
  insideKafkajs<
    new (
      topic: string,
      fetchedOffset: string,
      partitionData: FetchedPartition,
    ) => { readonly messages: readonly FetchedRecord[] }
  >('consumer/batch.js');

/** What a consumer may see of a fetched partition: no control records, nothing of aborted transactions. */
export function visibleRecords(topic: string, offset: number, fetched: FetchedPartition) {
  return withoutEnd(new Batch(topic, String(offset), fetched).messages);
}
