import { expect, test } from 'vitest';
import { type DeadLetter, decodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { appendLetter } from '#event-log/append-letter.ts';
import { notDurable, refused } from '#event-log/pending-append.ts';

const letter: DeadLetter = {
  deviceId: 'd',
  payload: Buffer.alloc(200_000, 'x'),
  reason: 'schema-violation',
  detail: { errors: ['one'] },
  stage: 'gateway',
  attempt: 0,
  firstFailedAt: 1,
  receivedAt: 1,
};

const bytesOf = ({ key, headers }: AppendRecord) =>
  Buffer.byteLength(key + Object.entries(headers).flat().join(''));

/** A log that takes values of so many bytes, and so many around them. */
function logTaking(maxBytes: number, maxBytesAround = Infinity) {
  const records: AppendRecord[] = [];
  const append = async (record: AppendRecord) => {
    const { value } = record;
    if ((value?.length ?? 0) > maxBytes || bytesOf(record) > maxBytesAround)
      throw refused('MESSAGE_TOO_LARGE', value);
    records.push(record);
  };
  const letters = () =>
    records.map((record) =>
      decodeDeadLetter({ ...record, value: Buffer.from(record.value ?? []) } as unknown as LogRecord),
    );
  return { append, letters };
}

test.each([
  [1_000_000, 200_000],
  [100_000, 65_536],
  [2_000, 1_024],
  [100, 64],
])('[P5] in a log that takes %i bytes a letter keeps %i of 200000', async (maxBytes, kept) => {
  const log = logTaking(maxBytes);
  await appendLetter(log, 'dlq', letter, 0);
  const cut = kept < 200_000 ? { bytes: 200_000, keptBytes: kept } : {};
  expect(log.letters()).toEqual([
    { ...letter, payload: Buffer.alloc(kept, 'x'), detail: { ...cut, errors: ['one'] } },
  ]);
});

test('[P1] what is around the payload is cut, too: a letter is never held up by its detail, names or labels', async () => {
  const log = logTaking(100, 900);
  const long = `é${'😀'.repeat(2_000)}`;
  const begin = `é${'😀'.repeat(31)}\ufffd`;
  const foreign = {
    mqttTopic: long,
    mqttClientId: long,
    path: long,
    labels: long,
    measurement: 'm',
  } as const;
  const detail = { errors: [long] };
  const large = { ...letter, ...foreign, deviceId: long, detail, rule: { source: long, topic: long } };
  await appendLetter(log, 'dlq', large, 0);
  expect(log.letters()).toEqual([
    {
      ...letter,
      deviceId: begin,
      mqttTopic: begin,
      mqttClientId: begin,
      payload: Buffer.alloc(64, 'x'),
      detail: { truncated: expect.stringMatching(/^\{"bytes":200000,"keptBytes":64,"errors":\["é😀/) },
    },
  ]);
});

test('a log that does not even take that says so', async () => {
  await expect(appendLetter(logTaking(10), 'dlq', letter, 0)).rejects.toMatchObject({ code: 'refused' });
});

test('[P1] what is only not durable yet is not cut', async () => {
  const append = () => Promise.reject(notDurable('deadline'));
  await expect(appendLetter({ append }, 'dlq', letter, 0)).rejects.toMatchObject({ code: 'not-durable' });
});
