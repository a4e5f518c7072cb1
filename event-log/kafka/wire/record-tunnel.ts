import type { Batch as KafkajsBatch } from 'kafkajs';
import {
  type AnsweredPartition,
  beginsBehind,
  decodeFetchAnswer,
  FETCH_VERSION,
  type FetchAnswer,
  type FetchedPartition,
  hasDamage,
  mayBeDamage,
  withRecords,
} from './fetch-answers.ts';
import { fetchWait } from './fetch-wait.ts';
import { FetchedRecord, FetchedUpTo, SecondLook } from './fetched-record.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

/**
 * Our records on their way through kafkajs' consumer. kafkajs fetches, buffers, filters and hands over *messages*; we
 * want `FetchedRecord`s, decoded by us in a fifth of the time. It has no setting for that, but four properties that
 * together make a tunnel:
 *
 * - *The way in*: it looks the decoder of Fetch answers up in a module's object for each request, and its consumers fetch
 *   by a method of its brokers. Both are replaced ({@link letRecordsIn}), for every consumer of this process: the decoder
 *   leaves the records as they are, the method, which knows what was asked for, decodes them. It also says how long the
 *   broker may wait for more (`fetch-wait.ts`), which kafkajs would have the same for all requests.
 * - *The end* of what was fetched goes along as a visible record of its own where no other one stands there. Else
 *   kafkajs would keep batches of which nothing is visible to itself, and nobody would commit that they are done with.
 *   In the same way goes along that an answer needs a second look: kafkajs would give up all partitions of a broker for
 *   one that the broker cannot read, and never move where it gets nothing.
 * - *Underway* it touches nothing of a message but `offset`, `isControlRecord` and `batchContext`, by which it leaves
 *   out control records and what was aborted. A `FetchedRecord` has those, named as kafkajs names them.
 * - *The way out*: the objects that arrive in `eachBatch` are the very ones that went in, whatever their type says
 *   ({@link recordsOf}).
 *
 * `record-tunnel.test.ts` sends records through; with another decoder in place `recordsOf` refuses what comes out.
 */
export function letRecordsIn(): void {
  response.decode = decodeFetchAnswer;
  response.parse = async (answer) => {
    await parse({ ...answer, responses: answer.responses.map(withoutDamage) });
    return answer;
  };
  Broker.prototype.fetch = async function (request: FetchRequest) {
    const answer: FetchAnswer = await fetch.call(this, { ...request, ...fetchWait(lastBytes.get(this)) });
    let bytes = 0;
    for (const { partitions } of answer.responses) for (const each of partitions) bytes += each.bytes.length;
    lastBytes.set(this, bytes);
    const isEmpty = bytes === 0;
    const responses = answer.responses.map(async ({ topicName, partitions }) => {
      const asked = request.topics.find(({ topic }) => topic === topicName)?.partitions ?? [];
      const fetched = partitions.map((each) => {
        const from = asked.find(({ partition }) => partition === each.partition)?.fetchOffset;
        return forConsumer(each, Number(from), isEmpty);
      });
      return { topicName, partitions: await Promise.all(fetched) };
    });
    return { ...answer, responses: await Promise.all(responses) };
  };
}

/** Of the last answer that a consumer got from a broker: each consumer has brokers of its own. */
const lastBytes = new WeakMap<object, number>();

const response = insideKafkajs<{
  decode(raw: Buffer): Promise<FetchAnswer>;
  parse(answer: FetchAnswer): Promise<FetchAnswer>;
}>(`protocol/requests/fetch/v${FETCH_VERSION}/response.js`);
/** Throws for the first error code. */
const { parse } = response;

interface FetchRequest {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
}

const Broker = insideKafkajs<new () => { fetch(request: FetchRequest): Promise<object> }>('broker/index.js');
const fetch = Broker.prototype.fetch as (request: FetchRequest) => Promise<FetchAnswer>;

function withoutDamage({ topicName, partitions }: FetchAnswer['responses'][number]) {
  return { topicName, partitions: partitions.filter(({ errorCode }) => !mayBeDamage(errorCode)) };
}

/** @param isEmpty the answer has no records at all: it is not for those of others that there are none of this partition */
async function forConsumer(
  answered: AnsweredPartition,
  from: number,
  isEmpty: boolean,
): Promise<FetchedPartition> {
  const isStuck = mayBeDamage(answered.errorCode) || (isEmpty && from < answered.lastStableOffset);
  const fetched = await withRecords(answered, from);
  if (!isStuck && !hasDamage(fetched) && !beginsBehind(fetched, from)) return fetched;
  return { ...fetched, errorCode: 0, abortedTransactions: [], messages: [new SecondLook(from)] };
}

/** Offset to ask for once more, with a view to damage; undefined where the batch can be taken as it is. */
export function secondLookAt({ messages }: Pick<KafkajsBatch, 'messages'>): number | undefined {
  const [first]: readonly object[] = messages;
  return first instanceof SecondLook ? first.position : undefined;
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
