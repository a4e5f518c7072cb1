import { expect, test, vi } from 'vitest';
import * as jsonElements from '#contract/json-elements.ts';
import { encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { linesOfPoints } from '#telemetry-store/influxdb/line-protocol.ts';
import { decodeBatch, type Entry, refusedLetters } from './telemetry-batch.ts';

vi.mock(import('#contract/json-elements.ts'), async (original) => {
  const actual = await original();
  return { ...actual, jsonArrayElements: vi.fn(actual.jsonArrayElements) };
});

const NOW = 1_764_000_000_000;
const { signal } = new AbortController();
const schemas = loadSchemas();

function decode(deviceId: string, message: unknown) {
  const value = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  const record = encodeTelemetryRecord('t', { deviceId, value, readings: 1, receivedAt: NOW, gateway: 'g' });
  const { key, headers } = record;
  return decodeBatch(
    [{ topic: 't', partition: 3, offset: 9, timestamp: NOW, key: Buffer.from(key), value, headers }],
    schemas,
    NOW,
    signal,
  );
}

test('readings that a mapping names a measurement for are points of it, and so are their letters', async () => {
  const value = Buffer.from(JSON.stringify(environment(0)));
  const { key, headers } = encodeTelemetryRecord('t', {
    deviceId: 'd',
    value,
    readings: 1,
    receivedAt: NOW,
    gateway: 'g',
    measurement: 'mqtt_consumer',
  });
  const at = { topic: 't', partition: 0, offset: 0, timestamp: NOW, key: Buffer.from(key), value };
  const measurementOf = async (measurement: string) => {
    const { entries } = await decodeBatch(
      [{ ...at, headers: { ...headers, measurement } }],
      schemas,
      NOW,
      signal,
    );
    const [letter] = await lettersOf(entries);
    return [entries[0]?.point.measurement, letter?.measurement];
  };
  expect(await measurementOf('mqtt_consumer')).toEqual(['mqtt_consumer', 'mqtt_consumer']);
  // Nothing a gateway would have written: the type says.
  expect(await measurementOf('_internal\n')).toEqual(['environment', undefined]);
});

const lettersOf = (entries: readonly Entry[]) =>
  refusedLetters(
    entries.map((entry) => ({ entry, reason: 'no room' })),
    NOW,
    signal,
  );

const environment = (seq: number, values: object = {}) => ({
  schema: 'environment/1',
  ts: NOW,
  seq,
  values: { temperature: 21.53, humidity: 40, ...values },
});
const tracker = {
  schema: 'tracker/1',
  ts: NOW,
  values: { latitude: -12.3456789, longitude: 170.1, satellites: 7 },
};

test.each([
  ['one reading', environment(0)],
  ['a short one of a long id', { ...tracker, values: { latitude: 1, longitude: 1 } }],
  [
    'a batch',
    [environment(0), tracker, environment(123_456_789, { pressure: 1013.25, battery: 99.5 }), tracker],
  ],
])('the size of %s is never much below what goes to the store', async (_, message) => {
  const { entries } = await decode('x'.repeat(64), message);
  const sent = linesOfPoints(entries.map(({ point }) => point)).length;
  const estimated = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(estimated).toBeGreaterThan(sent * 0.9);
  expect(estimated).toBeLessThan(sent * 3);
});

test('[P5] a refused reading is found again among those that were refused before it', async () => {
  const elements = [
    '{"schema":"nothing/1"}',
    JSON.stringify(environment(1)),
    '7',
    ' null',
    `{"values": {"humidity":4.0e1,"temperature":21}, "ts":${NOW},"schema":"environment\\/1"}`,
    JSON.stringify(tracker),
  ];
  const { entries, letters } = await decode('dev-1', `\n [${elements.join(' ,')}] `);
  expect(letters.map(({ index }) => index)).toEqual([0, 2, 3]);
  const found = await lettersOf(entries);
  expect(found.map(({ index }) => index)).toEqual([1, 4, 5]);
  expect(found.map(({ payload }) => String(payload))).toEqual([1, 4, 5].map((i) => elements[i]));
  expect(found[0]).toMatchObject({
    reason: 'store-rejected',
    detail: { message: 'no room' },
    origin: { topic: 't', partition: 3, offset: 9 },
    attempt: 0,
    firstFailedAt: NOW,
  });
});

test('a refused reading that came alone has no position', async () => {
  const message = JSON.stringify(environment(1));
  const { entries } = await decode('dev-1', message);
  const [letter] = await lettersOf(entries);
  expect(String(letter?.payload)).toBe(message);
  expect(letter).not.toHaveProperty('index');
});

test('a record is taken apart once, however many of its readings are refused', async () => {
  const messages = await Promise.all(
    ['dev-1', 'dev-2', 'dev-3'].map((id) =>
      decode(
        id,
        Array.from({ length: 450 }, (_, i) => environment(i)),
      ),
    ),
  );
  const entries = messages.flatMap((message) => message.entries);
  const split = vi.mocked(jsonElements.jsonArrayElements).mockClear();
  const letters = await lettersOf(entries);
  expect(split).toHaveBeenCalledTimes(3);
  expect(letters.map(({ deviceId, index }) => `${deviceId} ${index}`)).toEqual(
    ['dev-1', 'dev-2', 'dev-3'].flatMap((id) => Array.from({ length: 450 }, (_, i) => `${id} ${i}`)),
  );
});

test('making letters rests when its slice of time is over, and ends when the partition is lost', async () => {
  const { entries } = await decode('dev-1', [environment(0), environment(1), environment(2)]);
  const refused = entries.map((entry) => ({ entry, reason: 'no room' }));
  let now = 0;
  // Every look at the clock finds that an hour has gone by.
  using _ = vi.spyOn(performance, 'now').mockImplementation(() => (now += 3_600_000));
  let turns = 0;
  const count = (): void => {
    turns++;
    if (turns < 10) setImmediate(count);
  };
  setImmediate(count);
  await refusedLetters(refused, NOW, signal);
  expect(turns).toBeGreaterThanOrEqual(3);

  const lost = new AbortController();
  const work = refusedLetters(refused, NOW, lost.signal);
  lost.abort(new Error('lost'));
  await expect(work).rejects.toThrow('lost');
});
