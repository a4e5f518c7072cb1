import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Admission, admit } from '#contract/admission.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';

const schemas = loadSchemas();
const now = 1_764_000_000_000;

function judge(text: string | Uint8Array): Admission {
  return admit(Buffer.from(text as string), now, schemas);
}

function reasonOf(text: string | Uint8Array): string | undefined {
  return judge(text).rejects[0]?.reason;
}

function reading(over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: 'environment/1',
    ts: now,
    seq: 17,
    values: { temperature: 21.53, humidity: 44.1 },
    ...over,
  };
}

function json(over: Record<string, unknown> = {}): string {
  return JSON.stringify(reading(over));
}

describe('admission', () => {
  it('takes a reading and keeps its bytes', () => {
    const text = `  ${json()}\n`;
    const { accepted, rejects } = judge(text);
    expect(rejects).toEqual([]);
    expect(accepted?.readings).toEqual([reading()]);
    expect(Buffer.from(accepted?.value ?? []).toString()).toBe(text);
  });

  it('takes as much as its limits say', () => {
    const message = Buffer.from(`[${json()},${json()}]`);
    const under = (limits: MessageLimits) => admit(message, now, schemas, limits).rejects[0];
    expect(under({ payloadBytes: message.length, readingsPerMessage: 2 })).toBeUndefined();
    expect(under({ payloadBytes: message.length - 1, readingsPerMessage: 2 })).toMatchObject({
      reason: 'payload-too-large',
      detail: { limit: message.length - 1 },
    });
    expect(under({ payloadBytes: message.length, readingsPerMessage: 1 })).toMatchObject({
      reason: 'too-many-readings',
      detail: { limit: 1 },
    });
  });

  it.each<[string, string | Uint8Array, string]>([
    ['no JSON', '{"schema":', 'malformed-json'],
    ['nothing', '', 'malformed-json'],
    ['a byte order mark', `\ufeff${json()}`, 'malformed-json'],
    ['NaN', '{"schema":"environment/1","ts":NaN}', 'malformed-json'],
    ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'not-utf8'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not-utf8'],
    ['64 KiB and a byte', ' '.repeat(LIMITS.payloadBytes + 1), 'payload-too-large'],
    ['501 readings', `[${Array(501).fill('1').join()}]`, 'too-many-readings'],
    ['an empty array', '[]', 'schema-violation'],
    ['a number', '5', 'schema-violation'],
    ['null', 'null', 'schema-violation'],
    ['an array in an array', `[[${json()}]]`, 'schema-violation'],
    ['60,000 levels of nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'schema-violation'],
    ['no schema', json({ schema: undefined }), 'schema-violation'],
    ['an unknown type', json({ schema: 'toaster/1' }), 'unknown-schema'],
    ['an unknown version', json({ schema: 'environment/2' }), 'unknown-schema'],
    ['a schema of Object.prototype', json({ schema: 'constructor' }), 'unknown-schema'],
    ['an unknown key', json({ device: 'other' }), 'schema-violation'],
    ['__proto__ as a key', `{"__proto__":{},${json().slice(1)}`, 'schema-violation'],
    ['__proto__ as a value', json().replace('"humidity"', '"__proto__":1,"humidity"'), 'schema-violation'],
    [
      'values only in __proto__',
      `{"schema":"environment/1","ts":${now},"values":{"__proto__":{"temperature":1,"humidity":1}}}`,
      'schema-violation',
    ],
    ['ts as text', json({ ts: '1' }), 'schema-violation'],
    ['ts with a fraction', json({ ts: now + 0.5 }), 'schema-violation'],
    ['ts missing', json({ ts: undefined }), 'schema-violation'],
    ['ts beyond 2^53', json().replace(String(now), '9007199254740993'), 'number-out-of-range'],
    ['seq negative', json({ seq: -1 }), 'schema-violation'],
    ['seq null', json({ seq: null }), 'schema-violation'],
    ['seq beyond 2^53', json({ seq: 2 ** 53 }), 'number-out-of-range'],
    ['an infinite number', json().replace('21.53', '1e999'), 'number-out-of-range'],
    ['a number beyond −2^53', json().replace('21.53', '-1e300'), 'number-out-of-range'],
    ['text for a number', json({ values: { temperature: 'hot', humidity: 40 } }), 'schema-violation'],
    ['null for a number', json({ values: { temperature: null, humidity: 40 } }), 'schema-violation'],
    ['a required value missing', json({ values: { temperature: 1 } }), 'schema-violation'],
    ['values as an array', json({ values: [1] }), 'schema-violation'],
    ['values missing', json({ values: undefined }), 'schema-violation'],
    ['a clock 7 days late', json({ ts: now - LIMITS.maxAgeMs - 1 }), 'timestamp-out-of-range'],
    ['a clock 5 minutes ahead', json({ ts: now + LIMITS.maxSkewMs + 1 }), 'timestamp-out-of-range'],
  ])('[P10] refuses %s', (_name, text, reason) => {
    const { accepted, rejects } = judge(text);
    expect(accepted).toBeUndefined();
    expect(rejects.map((reject) => reject.reason)).toEqual([reason]);
    expect(JSON.stringify(rejects[0]?.detail).length).toBeLessThan(LIMITS.deadLetterDetailBytes);
  });

  it('takes clocks up to the edges', () => {
    expect(reasonOf(json({ ts: now - LIMITS.maxAgeMs }))).toBeUndefined();
    expect(reasonOf(json({ ts: now + LIMITS.maxSkewMs }))).toBeUndefined();
  });

  it('leaves the clock out for records of the log', () => {
    expect(admit(Buffer.from(json({ ts: 1 })), undefined, schemas).rejects).toEqual([]);
  });

  it('points at what is wrong', () => {
    expect(judge(json({ values: { temperature: 'hot', humidity: 200, x: 1 } })).rejects[0]?.detail).toEqual({
      errors: [
        { path: '/values', message: 'unknown property "x"' },
        { path: '/values/temperature', message: 'must be number' },
        { path: '/values/humidity', message: 'must be <= 100' },
      ],
    });
  });

  it('[P5] of a batch, only the bad elements are refused, byte by byte as they came', () => {
    const good = fc.nat().map((seq) => ({ good: true, text: json({ seq }) }));
    const bad = fc
      .constantFrom(
        '1',
        '{"a": [1,  2]}',
        '"],["',
        'null',
        json({ schema: 'x/1' }),
        json().replace('21.53', '1e999'),
      )
      .map((text) => ({ good: false, text }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(good, bad), { minLength: 1, maxLength: 40 }),
        fc.constantFrom('', ' ', '\n  '),
        (elements, space) => {
          const payload = Buffer.from(`[${elements.map(({ text }) => space + text + space).join()}]`);
          const { accepted, rejects } = judge(payload);
          expect((accepted?.readings.length ?? 0) + rejects.length).toBe(elements.length);
          for (const reject of rejects) {
            const element = elements[reject.index as number];
            expect(element?.good).toBe(false);
            expect(Buffer.from(reject.bytes).toString()).toBe(element?.text);
          }
          const kept = elements.filter((element) => element.good).map(({ text }) => JSON.parse(text));
          expect(accepted === undefined ? [] : JSON.parse(Buffer.from(accepted.value).toString())).toEqual(
            kept,
          );
        },
      ),
    );
  });

  it('[P10] never throws, whatever the bytes', () => {
    const anyJson = fc.oneof(
      fc.json(),
      fc
        .record({
          schema: fc.constantFrom('environment/1', 'vibration/1'),
          ts: fc.jsonValue(),
          seq: fc.jsonValue(),
          values: fc.jsonValue(),
        })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), anyJson), (input) => {
        const { accepted, rejects } = judge(input);
        expect(accepted !== undefined || rejects.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
