import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeDeadLetter } from '#contract/dead-letter.ts';
import { RecordPacker, unpackRecords } from './packed-records.ts';
import { inflated, keyRows, rowBytes } from './stored-row.ts';

function letterOf(deviceId: string, payload: Uint8Array, index: number) {
  return encodeDeadLetter('letters', {
    deviceId,
    payload,
    index,
    reason: 'schema-violation',
    detail: { errors: [{ path: '', message: 'must be an object' }] },
    stage: 'gateway',
    attempt: 0,
    firstFailedAt: 1_764_000_000_000,
    receivedAt: 1_764_000_000_000,
    mqttTopic: `devices/${deviceId}/telemetry`,
    mqttClientId: deviceId,
  });
}

test('a row for each run of one key, and all their records in order', () => {
  const builder = new RecordPacker();
  for (const device of ['a', 'a', 'b', 'a']) builder.add(letterOf(device, Buffer.from('x'), 0));
  const batch = builder.build();
  const rows = keyRows(batch);
  expect(rows.map(({ key, records }) => [Buffer.from(key).toString(), records])).toEqual([
    ['a', 2],
    ['b', 1],
    ['a', 1],
  ]);
  const whole = Buffer.concat(rows.map(({ payload, isDeflated }) => inflated(payload, isDeflated)));
  expect(whole).toEqual(Buffer.from(batch));
  expect(unpackRecords(whole)).toHaveLength(4);
});

test('500 bad elements of one message take a small multiple of what was received', () => {
  const message = Buffer.from(JSON.stringify(Array(500).fill(1)));
  const builder = new RecordPacker();
  for (let index = 0; index < 500; index++) builder.add(letterOf('device-1', Buffer.from('1'), index));
  const batch = builder.build();
  expect(batch.length / message.length).toBeGreaterThan(100);
  const rows = keyRows(batch);
  expect(rows).toHaveLength(1);
  const stored = rows.reduce((sum, row) => sum + rowBytes(row), 0);
  expect(stored / message.length).toBeLessThan(6);
});

test('what cannot be made smaller is stored as it is', () => {
  const noise = createHash('shake256', { outputLength: 100_000 }).digest();
  const builder = new RecordPacker();
  builder.add(letterOf('a', noise, 0));
  expect(keyRows(builder.build())).toMatchObject([{ isDeflated: false }]);
});

test('a damaged row is told like a damaged batch', () => {
  expect(() => inflated(Buffer.from('not deflated'), true)).toThrow(RangeError);
});
