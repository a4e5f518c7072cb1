import { describe, expect, test } from 'vitest';
import { contradictions, retentionSeconds, wantedConfig } from './topic-settings.ts';

const telemetry = { name: 'telemetry.readings', cleanup: 'delete' as const, retentionMs: 3_600_000 };
const state = { name: 'state', cleanup: 'compact' as const, retentionMs: 0 };
const wanted = wantedConfig(telemetry, 2);
const asWanted = { ...wanted, 'retention.bytes': '-1' };

describe('topic settings', () => {
  test('a topic as it was created is fine', () => {
    expect(contradictions(telemetry, wanted, asWanted, 3)).toEqual([]);
    const compacted = wantedConfig(state, 1);
    expect(contradictions(state, compacted, { ...compacted, 'retention.ms': '1000' }, 3)).toEqual([]);
  });

  test.each([
    ['message.timestamp.type', 'CreateTime'],
    ['min.insync.replicas', '1'],
    ['cleanup.policy', 'compact'],
    ['cleanup.policy', 'compact,delete'],
    ['retention.ms', '60000'],
    ['retention.bytes', '1000000'],
  ])('[P10] %s=%s breaks a promise, and the error names both values', (name, value) => {
    const [problem, ...others] = contradictions(telemetry, wanted, { ...asWanted, [name]: value }, 3);
    expect(others).toEqual([]);
    expect(problem).toContain(telemetry.name);
    expect(problem).toContain(`${name} is ${value}, expected ${{ ...asWanted }[name]}`);
  });

  test('[P10] fewer replicas than must be in sync: nothing could be written', () => {
    expect(contradictions(telemetry, wanted, asWanted, 1)).toEqual([
      expect.stringContaining('min.insync.replicas is 2, expected at most 1'),
    ]);
  });

  test('the retention that counts is the actual one', () => {
    expect(retentionSeconds(telemetry, { 'retention.ms': '7200000' })).toBe(7_200);
    expect(retentionSeconds(telemetry, { 'retention.ms': '-1' })).toBe(Infinity);
  });

  test.each([
    ['retention.ms', '-1'],
    ['retention.ms', '86400000'],
    ['min.insync.replicas', '3'],
    ['compression.type', 'zstd'],
  ])('%s=%s is the operator’s choice', (name, value) => {
    expect(contradictions(telemetry, wanted, { ...asWanted, [name]: value }, 3)).toEqual([]);
  });
});
