import { describe, expect, test } from 'vitest';
import { type DeadLetter, decodeDeadLetter, missingParts } from '#contract/dead-letter.ts';
import { telemetryTopic } from '#contract/device-topic.ts';
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

describe('[P1] what is around the payload is cut, too: a letter is never held up by its detail, names or labels', () => {
  const mapped = {
    ...letter,
    payload: Buffer.from('21.5'),
    detail: { errors: ['e'.repeat(1_000)], forbidden: true },
    mqttTopic: `plant/${'hall-7/'.repeat(12)}state`,
    rule: { source: 'plant', topic: 'plant/#' },
    path: '/values/3',
    mqttClientId: 'bridge-1',
    labels: '{"site":"north"}',
    measurement: 'machine',
  } as const;
  const detail = { forbidden: true, truncated: `{"errors":["${'e'.repeat(52)}` };

  test('the detail and the trace go first: nothing that a replay needs', async () => {
    const log = logTaking(100_000, 900);
    const trace = { traceparent: '0'.repeat(55) };
    const payload = Buffer.alloc(2_000, '7');
    await appendLetter(log, 'dlq', { ...mapped, payload, trace }, 0);
    expect(log.letters()).toEqual([{ ...mapped, payload, detail: { ...detail, leftOut: ['trace'] } }]);
    expect([...missingParts(log.letters()[0] as DeadLetter)]).toEqual(['trace']);
  });

  test('then what is longer than names are, and it is said', async () => {
    const log = logTaking(100, 900);
    await appendLetter(
      log,
      'dlq',
      { ...mapped, mqttTopic: 't'.repeat(2_000), payload: Buffer.alloc(65, '7') },
      0,
    );
    const { mqttTopic: _, rule: __, ...others } = mapped;
    expect(log.letters()).toEqual([
      {
        ...others,
        payload: Buffer.alloc(64, '7'),
        detail: {
          bytes: 65,
          keptBytes: 64,
          forbidden: true,
          truncated: expect.stringMatching(/^\{"bytes":65,"keptBytes":64,"errors":\["e+$/),
          leftOut: ['topic', 'rule'],
        },
      },
    ]);
    expect([...missingParts(log.letters()[0] as DeadLetter)]).toEqual(['payload', 'topic', 'rule']);
  });

  test('in the end everything but whose it is', async () => {
    const long = `é${'😀'.repeat(2_000)}`;
    const log = logTaking(100, 500);
    await appendLetter(log, 'dlq', { ...mapped, deviceId: long }, 0);
    const { deviceId, payload, reason, stage, attempt, firstFailedAt, receivedAt } = { ...letter, ...mapped };
    const leftOut = ['topic', 'rule', 'path', 'client-id', 'labels', 'measurement', 'key'];
    expect(log.letters()).toEqual([
      {
        ...{ payload, reason, stage, attempt, firstFailedAt, receivedAt },
        deviceId: `é${'😀'.repeat(31)}\ufffd`,
        detail: { ...detail, leftOut },
      },
    ]);
    expect(deviceId).toBe('d');
  });

  test("a device's own topic, which says what the key does, is not missed", async () => {
    const log = logTaking(100, 200);
    await appendLetter(
      log,
      'dlq',
      { ...letter, payload: Buffer.from('x'), mqttTopic: telemetryTopic('d'), mqttClientId: 'd'.repeat(64) },
      0,
    );
    expect([...missingParts(log.letters()[0] as DeadLetter)]).toEqual(['client-id']);
  });
});

test('a log that does not even take that says so', async () => {
  await expect(appendLetter(logTaking(10), 'dlq', letter, 0)).rejects.toMatchObject({ code: 'refused' });
});

test('[P1] what is only not durable yet is not cut', async () => {
  const append = () => Promise.reject(notDurable('deadline'));
  await expect(appendLetter({ append }, 'dlq', letter, 0)).rejects.toMatchObject({ code: 'not-durable' });
});
