import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeadLetter,
  decodeDeadLetter,
  encodeDeadLetter,
  letterId,
  parseLetterId,
} from '#contract/dead-letter.ts';
import { LIMITS } from '#contract/limits.ts';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import { decodeTelemetryRecord, encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';

const schemas = loadSchemas();
const deviceId = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/).filter((id) => id !== '.' && id !== '..');
const when = fc.nat({ max: 2 ** 42 });

/** What a log makes of a record. */
function logged(record: AppendRecord): LogRecord {
  const value = record.value === null ? null : Buffer.from(record.value);
  return { ...record, key: Buffer.from(record.key), value, partition: 0, offset: 0, timestamp: 0 };
}

describe('dead-letter record', () => {
  const letter = fc.record(
    {
      deviceId,
      payload: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      reason: fc.constantFrom(...REJECT_REASONS),
      detail: fc.record({ errors: fc.array(fc.string(), { maxLength: 3 }) }),
      stage: fc.constantFrom('gateway' as const, 'telemetry-writer' as const),
      index: fc.nat(),
      attempt: fc.nat(),
      firstFailedAt: when,
      originalReason: fc.constantFrom(...REJECT_REASONS),
      receivedAt: when,
      mqttTopic: fc.string(),
      mqttClientId: fc.string(),
      measurement: fc.constantFrom('mqtt_consumer', 'Weather'),
      origin: fc.record({ topic: fc.string(), partition: fc.nat(), offset: fc.nat() }),
    },
    {
      requiredKeys: [
        'deviceId',
        'payload',
        'reason',
        'detail',
        'stage',
        'attempt',
        'firstFailedAt',
        'receivedAt',
      ],
      noNullPrototype: true,
    },
  );

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(letter, (original) => {
        expect(decodeDeadLetter(logged(encodeDeadLetter('dlq', original as DeadLetter)))).toEqual(original);
      }),
    );
  });

  it('cuts a long detail to 2 KiB of valid JSON', () => {
    fc.assert(
      fc.property(
        letter,
        fc.string({ unit: 'binary', minLength: 1500, maxLength: 6000 }),
        (original, detail) => {
          const record = encodeDeadLetter('dlq', { ...original, detail } as DeadLetter);
          const text = record.headers['dlq.detail'] ?? '';
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.deadLetterDetailBytes);
          expect(JSON.parse(text)).toBeDefined();
        },
      ),
    );
  });

  it('tells foreign records', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (headers) => {
        const record = logged({ topic: 'dlq', key: 'x', value: Buffer.from('x'), headers });
        expect(decodeDeadLetter(record)).toBeUndefined();
      }),
    );
  });

  it('is addressed by its position', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999 }), fc.nat(), (partition, offset) => {
        expect(parseLetterId(letterId({ partition, offset }))).toEqual({ partition, offset });
      }),
    );
    expect(parseLetterId('1-')).toBeUndefined();
    expect(parseLetterId('-1-2')).toBeUndefined();
  });
});

describe('telemetry record', () => {
  const value = Buffer.from('{"schema":"environment/1","ts":1,"values":{"temperature":1,"humidity":1}}');

  it('comes back as it was written', () => {
    const replay = fc.record({ attempt: fc.nat(), firstFailedAt: when });
    fc.assert(
      fc.property(deviceId, when, fc.option(replay, { nil: undefined }), (device, receivedAt, mark) => {
        const record = encodeTelemetryRecord('t', {
          deviceId: device,
          value,
          readings: 1,
          receivedAt,
          gateway: 'gw-1',
          ...(mark && { replay: mark }),
        });
        const decoded = decodeTelemetryRecord(logged(record), schemas);
        expect(decoded).toMatchObject({ deviceId: device, receivedAt });
        expect('admission' in decoded && decoded.replay).toEqual(mark);
        expect('admission' in decoded && decoded.admission.accepted?.readings).toHaveLength(1);
      }),
    );
  });

  it('shares its headers with none that says something else, however they follow each other', () => {
    // Few values, so that neighbours are often alike.
    const one = fc.record(
      {
        readings: fc.constantFrom(1, 2),
        receivedAt: fc.constantFrom(1, 2),
        gateway: fc.constantFrom('a', 'b'),
        labels: fc.constantFrom('site=north', 'site=south'),
        measurement: fc.constantFrom('weather', 'soil'),
        replay: fc.constant({ attempt: 1, firstFailedAt: 7 }),
      },
      { requiredKeys: ['readings', 'receivedAt', 'gateway'] },
    );
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 20 }), (all) => {
        for (const record of all.map((said) => ({ ...said, deviceId: 'd', value }))) {
          const { labels, measurement, replay, receivedAt } = record;
          const encoded = encodeTelemetryRecord('t', record);
          expect(encoded.headers).toMatchObject({
            readings: String(record.readings),
            'received-at': String(receivedAt),
            gateway: record.gateway,
          });
          const { admission: _, ...decoded } = {
            admission: 0,
            ...decodeTelemetryRecord(logged(encoded), schemas),
          };
          const said = { deviceId: 'd', receivedAt, labels, measurement, replay };
          expect(decoded).toEqual(JSON.parse(JSON.stringify(said)));
        }
      }),
    );
  });

  it.each<[string, Partial<LogRecord>]>([
    ['no key', { key: null }],
    ['a key that is no device id', { key: Buffer.from('a b') }],
    ['no value', { value: null }],
    ['random bytes', { value: Buffer.from([0xff, 0x00, 0x7f]) }],
    ['no JSON', { value: Buffer.from('hello') }],
    ['no headers', { headers: {} }],
    ['bytes that the log cannot read', { damage: 'wrong checksum' }],
    ['a wrong header', { headers: { 'received-at': '1e3' } }],
  ])('[P5] with %s is undecodable', (_name, change) => {
    const record = logged(
      encodeTelemetryRecord('t', { deviceId: 'd', value, readings: 1, receivedAt: 1, gateway: 'g' }),
    );
    expect(decodeTelemetryRecord({ ...record, ...change }, schemas)).toHaveProperty('undecodable');
  });

  it('with an unknown schema keeps its device and names the reason', () => {
    const unknown = Buffer.from(value.toString().replace('environment', 'toaster'));
    const record = encodeTelemetryRecord('t', {
      deviceId: 'd',
      value: unknown,
      readings: 1,
      receivedAt: 1,
      gateway: 'g',
    });
    const decoded = decodeTelemetryRecord(logged(record), schemas);
    expect('admission' in decoded && decoded.admission.rejects[0]?.reason).toBe('unknown-schema');
  });
});
