import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { APPEND_FAILURE_CAUSES, createEventLogTelemetry } from './telemetry.ts';

function setUp() {
  const lines: { readonly msg: string; readonly level: string }[] = [];
  const metrics = new Registry();
  const telemetry = createEventLogTelemetry({
    log: createLogger(
      { name: 'test', level: 'debug' },
      { write: (line) => void lines.push(JSON.parse(line)) },
    ),
    metrics,
    now: () => 0,
    random: () => 0,
  });
  return { telemetry, metrics, lines };
}

describe('event log telemetry', () => {
  test('every series with known label values exists from the start', async () => {
    const { metrics } = setUp();
    const text = await metrics.metrics();
    expect(text).toContain('event_log_up 1');
    for (const cause of APPEND_FAILURE_CAUSES) {
      expect(text).toContain(`event_log_append_failures_total{cause="${cause}"} 0`);
    }
  });

  test('being away is one line and one gauge, however often it is said', async () => {
    const { telemetry, metrics, lines } = setUp();
    for (let i = 0; i < 5; i++) telemetry.becameUnavailable('disk full');
    expect(await metrics.metrics()).toContain('event_log_up 0');
    for (let i = 0; i < 5; i++) telemetry.becameAvailable();
    expect(await metrics.metrics()).toContain('event_log_up 1');
    expect(lines.map((line) => line.msg)).toEqual([
      'event log cannot be written',
      'event log can be written again',
    ]);
  });

  test('a flood of failures is counted in full and logged once', async () => {
    const { telemetry, metrics, lines } = setUp();
    for (let i = 0; i < 1000; i++) telemetry.appendFailed('storage-full', 'readings', 3, 'no space left');
    expect(await metrics.metrics()).toContain('event_log_append_failures_total{cause="storage-full"} 3000');
    expect(lines).toHaveLength(1);
  });
});
