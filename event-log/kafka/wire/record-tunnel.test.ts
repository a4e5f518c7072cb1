import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { decodeFetchAnswer, FETCH_VERSION } from './fetch-answers.ts';
import { decodeRecordBatches } from './fetched-records.ts';
import { encodeRecordBatch, encodeRecordBody } from './record-batch.ts';
import { letRecordsIn, recordsOf } from './record-tunnel.ts';

const require = createRequire(import.meta.url);

test('the way in: kafkajs asks our decoder for its consumers', () => {
  letRecordsIn();
  const { protocol } = require('kafkajs/src/protocol/requests/fetch/index.js');
  const request = { maxWaitTime: 1, minBytes: 1, maxBytes: 1, topics: [], rackId: '' };
  expect(protocol({ version: FETCH_VERSION })(request).response.decode).toBe(decodeFetchAnswer);
});

test('the way out: what its consumer hands over are our records, those before the offset left out', async () => {
  const bodies = ['a', 'b', 'c'].map((key) => ({ body: encodeRecordBody(key, Buffer.from('v'), {}) }));
  const messages = await decodeRecordBatches(encodeRecordBatch(bodies, 0), () => null);
  const KafkajsBatch = require('kafkajs/src/consumer/batch.js');
  const batch = new KafkajsBatch('t', '1', { partition: 0, highWatermark: '3', messages });
  expect(recordsOf(batch)).toEqual(messages.slice(1));
});

test('what kafkajs decoded itself is refused', () => {
  expect(() => recordsOf({ messages: [{ offset: '1', key: null, value: null } as never] })).toThrow(
    TypeError,
  );
});
