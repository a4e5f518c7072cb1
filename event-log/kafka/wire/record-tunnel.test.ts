import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { decodeFetchAnswer, FETCH_VERSION } from './fetch-answers.ts';
import { decodeRecordBatches } from './fetched-records.ts';
import { encodeRecordBatch, encodeRecordBody } from './record-batch.ts';
import { letRecordsIn, recordsOf, secondLookAt } from './record-tunnel.ts';

const require = createRequire(import.meta.url);
const KafkajsBatch = require('kafkajs/src/consumer/batch.js');

test('the way in: kafkajs asks our decoder for its consumers', () => {
  letRecordsIn();
  const { protocol } = require('kafkajs/src/protocol/requests/fetch/index.js');
  const request = { maxWaitTime: 1, minBytes: 1, maxBytes: 1, topics: [], rackId: '' };
  expect(protocol({ version: FETCH_VERSION })(request).response.decode).toBe(decodeFetchAnswer);
});

describe('what needs a second look goes along as such, and holds up no other partition:', () => {
  letRecordsIn();
  const batches = encodeRecordBatch([{ body: encodeRecordBody('k', Buffer.from('v'), {}) }], 0);
  const good = { errorCode: 0, lastStableOffset: 9, bytes: batches };

  /** Through kafkajs' own broker and parser, at the place where the bytes would come from the socket. */
  async function fetched(from: number, ...answers: object[]) {
    const Broker = require('kafkajs/src/broker/index.js');
    const partitions = answers.map((answer, partition) => ({
      partition,
      highWatermark: '9',
      abortedTransactions: [],
      bytes: Buffer.alloc(0),
      ...answer,
    }));
    const { parse } = require(`kafkajs/src/protocol/requests/fetch/v${FETCH_VERSION}/response.js`);
    const connectionPool = {
      send: async () => parse({ responses: [{ topicName: 't', partitions }] }),
    };
    const broker = new Broker({
      connectionPool,
      logger: { namespace: () => ({}) },
    });
    broker.lookupRequest = () => () => ({});
    const asked = partitions.map(({ partition }) => ({ partition, fetchOffset: String(from), maxBytes: 1 }));
    const { responses } = await broker.fetch({ topics: [{ topic: 't', partitions: asked }] });
    return responses[0].partitions.map((each: { partition: number }) => {
      const batch = new KafkajsBatch('t', String(from), each);
      return secondLookAt(batch) ?? recordsOf(batch).length;
    });
  }

  test.each<[string, number, object]>([
    ['CORRUPT_MESSAGE', 0, { errorCode: 2, lastStableOffset: -1 }],
    ['UNKNOWN_SERVER_ERROR', 0, { errorCode: -1, lastStableOffset: -1 }],
    ['INVALID_RECORD', 0, { errorCode: 87, lastStableOffset: -1 }],
    ['a batch that is damaged', 0, { ...good, bytes: Buffer.alloc(100) }],
  ])('%s', async (_, from, answer) => {
    expect(await fetched(from, good, answer)).toEqual([1, from]);
  });

  test('records that begin behind what was asked for', async () => {
    const later = Buffer.from(batches);
    later.writeBigInt64BE(7n);
    expect(await fetched(5, { ...good, bytes: later })).toEqual([5]);
  });

  test('nothing, although there should be something', async () => {
    expect(await fetched(5, { errorCode: 0, lastStableOffset: 9 })).toEqual([5]);
    expect(await fetched(9, { errorCode: 0, lastStableOffset: 9 })).toEqual([0]);
  });

  test('not what had no room in the answer, nor what the brokers may yet mend', async () => {
    expect(await fetched(0, good, { errorCode: 0, lastStableOffset: 9 })).toEqual([1, 0]);
    await expect(fetched(0, good, { errorCode: 6, lastStableOffset: -1 })).rejects.toMatchObject({ code: 6 });
  });
});

test('the way out: what its consumer hands over are our records, those before the offset left out', async () => {
  const bodies = ['a', 'b', 'c'].map((key) => ({ body: encodeRecordBody(key, Buffer.from('v'), {}) }));
  const messages = await decodeRecordBatches(encodeRecordBatch(bodies, 0), () => null);
  const batch = new KafkajsBatch('t', '1', { partition: 0, highWatermark: '3', messages });
  expect(recordsOf(batch)).toEqual(messages.slice(1));
});

test('what kafkajs decoded itself is refused', () => {
  expect(() => recordsOf({ messages: [{ offset: '1', key: null, value: null } as never] })).toThrow(
    TypeError,
  );
});
