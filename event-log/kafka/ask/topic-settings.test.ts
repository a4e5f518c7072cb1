import { describe, expect, test } from 'vitest';
import { contradictions, wantedConfig } from './topic-settings.ts';

const telemetry = { name: 'telemetry.readings', cleanup: 'delete' as const, retentionMs: 3_600_000 };
const state = { name: 'state', cleanup: 'compact' as const, retentionMs: 0 };
const wanted = wantedConfig(telemetry, 3);
const asWanted = { ...wanted, 'retention.bytes': '-1' };

describe('topic settings', () => {
  test('a topic as it was created is fine', () => {
    expect(contradictions(telemetry, wanted, asWanted, 3, undefined)).toEqual([]);
    const compacted = wantedConfig(state, 2);
    expect(contradictions(state, compacted, { ...compacted, 'retention.ms': '1000' }, 2, undefined)).toEqual(
      [],
    );
  });

  test.each([
    ['message.timestamp.type', 'CreateTime'],
    ['cleanup.policy', 'compact'],
    ['cleanup.policy', 'compact,delete'],
    ['retention.ms', '60000'],
    ['retention.bytes', '1000000'],
  ])('[P10] %s=%s breaks a promise, and the error names both values', (name, value) => {
    const [problem, ...others] = contradictions(
      telemetry,
      wanted,
      { ...asWanted, [name]: value },
      3,
      undefined,
    );
    expect(others).toEqual([]);
    expect(problem).toContain(telemetry.name);
    expect(problem).toContain(`${name} is ${value}, expected ${{ ...asWanted }[name]}`);
  });

  test.each([
    [3, undefined, '1', 'min.insync.replicas is 1 with 3 replicas, expected 2'],
    [3, 1, '1', 'min.insync.replicas is 1 with 3 replicas, expected 2'],
    [5, undefined, '1', 'min.insync.replicas is 1 with 5 replicas, expected 2'],
    [1, 3, '1', 'min.insync.replicas is 1 with 1 replicas, expected 2'],
  ])(
    '[P1] of %i replicas (%s asked for) more than %s must have a record',
    (replicas, asked, inSync, problem) => {
      const actual = { ...asWanted, 'min.insync.replicas': inSync };
      expect(contradictions(telemetry, wanted, actual, replicas, asked)).toEqual([
        expect.stringContaining(problem),
      ]);
    },
  );

  test.each([
    [1, '1'],
    [2, '1'],
    [2, '2'],
    [3, '2'],
    [5, '3'],
  ])('[P1] %i replicas of which %s are in sync are fine', (replicas, inSync) => {
    const actual = { ...asWanted, 'min.insync.replicas': inSync };
    expect(contradictions(telemetry, wanted, actual, replicas, undefined)).toEqual([]);
  });

  test('[P10] a topic that refuses what a device may send is told, with both numbers', () => {
    const large = { ...telemetry, maxRecordBytes: 70_000 };
    const actual = { ...asWanted, 'max.message.bytes': '2000' };
    expect(contradictions(large, wanted, actual, 3, undefined)).toEqual([
      expect.stringContaining('max.message.bytes is 2000, expected at least 70100'),
    ]);
    expect(contradictions(telemetry, wanted, actual, 3, undefined)).toEqual([]);
    expect(wantedConfig({ ...telemetry, maxRecordBytes: 2_000_000 }, 3)['max.message.bytes']).toBe('2000100');
  });

  test('[P10] fewer replicas than must be in sync: nothing could be written', () => {
    expect(contradictions(telemetry, wanted, asWanted, 1, undefined)).toEqual([
      expect.stringContaining('min.insync.replicas is 2, expected at most 1'),
    ]);
  });

  test.each([
    ['retention.ms', '-1'],
    ['retention.ms', '86400000'],
    ['min.insync.replicas', '3'],
    ['compression.type', 'zstd'],
  ])('%s=%s is the operator’s choice', (name, value) => {
    expect(contradictions(telemetry, wanted, { ...asWanted, [name]: value }, 3, undefined)).toEqual([]);
  });
});
