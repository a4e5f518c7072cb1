import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeviceId } from '#contract/device-topic.ts';
import { judgeReading } from '#contract/judge-reading.ts';
import { LIMITS } from '#contract/limits.ts';
import { loadContract, shippedMappingNames } from '#runtime/load-contract.ts';

/**
 * Aim: whatever a device sends, a shipped mapping gives readings that the contract accepts, rejects, or nothing; it
 * does not throw, and gives no more than the limits say. Method: each example of a mapping, with hostile values put in
 * the places of its own; and payloads that are hostile as a whole, on each topic of the examples.
 */
const contractOf = (name: string) =>
  loadContract({ mappings: [name], mappingDir: undefined, siteZone: 'Europe/Berlin' });

const NASTY = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    1e308,
    -0,
    2 ** 53,
    '',
    'nan',
    '9'.repeat(400),
    '0x10',
    '\u0000',
    '\ud800',
    '2026-13-45T99:99:99Z',
    '../../etc',
    '__proto__',
    'constructor',
  ),
  fc.constant(
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  ),
  fc.constant(Array(3_000).fill(0)),
);

/** Puts a value in a random place. */
function spoil(value: unknown, path: readonly number[], nasty: unknown): unknown {
  if (typeof value !== 'object' || value === null || path.length === 0) return nasty;
  const keys = Object.keys(value);
  if (keys.length === 0) return nasty;
  const key = keys[(path[0] as number) % keys.length] as string;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = spoil(copy[key], path.slice(1), nasty);
  return copy;
}

const WHOLE = [
  '['.repeat(32_000),
  `${'['.repeat(32_000)}${']'.repeat(32_000)}`,
  `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  `[${'0,'.repeat(32_000)}0]`,
  `[${'{},'.repeat(21_000)}{}]`,
  `[${'[[]],'.repeat(12_000)}0]`,
  `{${Array.from({ length: 6_000 }, (_, at) => `"${at}":1`).join()}}`,
  '{"a":1,"a":{"a":2}}',
  `"${'\\"'.repeat(32_000)}`,
  `${'"'.repeat(65_000)}`,
  `${'\\'.repeat(65_000)}`,
  `${','.repeat(65_000)}`,
  `m ${'f=1,'.repeat(16_000)}f=1`,
  `${'m f=1 1\n'.repeat(8_000)}`,
  `m,${'\\ '.repeat(32_000)}`,
  '1'.repeat(65_000),
  ' '.repeat(65_000),
  'null',
];

describe.each(shippedMappingNames())('[P10] %s and hostile payloads', (name) => {
  const { mappings, mappingFiles, schemas } = contractOf(name);
  const examples = mappingFiles.flatMap((file) => file.examples.map(({ message }) => message));

  const check = (topic: string, payload: Uint8Array): void => {
    const message = { topic, payload, client: 'c', receivedAt: Date.UTC(2026, 10, 20, 10), retained: false };
    const { readings, rejects, ignored, visited } = mappings.map(message);
    // Never more than the elements of a message (two bytes each) times the readings that look through it.
    expect(visited).toBeLessThanOrEqual((payload.length / 2 + 1) * LIMITS.mappingReadings);
    expect(readings.length + rejects.length).toBeLessThanOrEqual(LIMITS.mappedReadings + 1);
    expect(readings.length + rejects.length > 0).toBe(ignored === undefined);
    for (const { device, reading, json } of readings) {
      expect(isDeviceId(device)).toBe(true);
      expect(judgeReading(JSON.parse(json), message.receivedAt, schemas)).toBeUndefined();
      expect(reading.ts).toBe((JSON.parse(json) as { ts: number }).ts);
    }
    expect(JSON.stringify(rejects).length).toBeLessThan(4 * 1024 * 1024);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  };

  it('has an example for each of its rules that make readings, or more', () => {
    expect(examples.length).toBeGreaterThan(1);
  });

  it('examples with a hostile value in one place', () => {
    const place = fc.array(fc.nat(20), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...examples), place, NASTY, ({ topic, payload }, path, nasty) => {
        const text = Buffer.from(payload).toString();
        const value =
          text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as unknown) : undefined;
        const spoilt =
          value === undefined ? JSON.stringify(nasty) : JSON.stringify(spoil(value, path, nasty));
        check(topic, Buffer.from(spoilt));
      }),
      { numRuns: 300 },
    );
  });

  it('payloads that are hostile as a whole', () => {
    for (const topic of new Set(examples.map((example) => example.topic))) {
      for (const text of WHOLE) check(topic, Buffer.from(text));
    }
    fc.assert(
      fc.property(fc.constantFrom(...examples), fc.uint8Array({ maxLength: 300 }), ({ topic }, bytes) =>
        check(topic, bytes),
      ),
      { numRuns: 200 },
    );
  });

  it('topics that are hostile', () => {
    const topic = fc.constantFrom(...examples).map((example) => example.topic);
    fc.assert(
      fc.property(topic, fc.string({ unit: 'binary' }), fc.nat(9), (known, text, level) => {
        const levels = known.split('/');
        levels[level % levels.length] = text;
        check(levels.join('/'), Buffer.from('21.5'));
      }),
      { numRuns: 200 },
    );
    check('x/'.repeat(30_000), Buffer.from('1'));
  });
});
