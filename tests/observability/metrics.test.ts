import { describe, expect, it } from 'vitest';
import { listMetrics } from '#docs/generate/metrics.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { queriesOf, readDashboards } from './dashboard-file.ts';
import { metricsOf, withVariables } from './promql.ts';
import { readAlerts, readRecordings } from './rule-file.ts';

const metrics = await listMetrics(loadSchemas());
const recordings = readRecordings();
const dashboards = readDashboards();

/** Made by Prometheus, or by prom-client for every process. */
const NOT_OURS = /^(up|ALERTS|process_\w+|nodejs_\w+)$/;

const known = new Set([...metrics.map(({ name }) => name), ...recordings.map(({ record }) => record)]);
const unknownIn = (expr: string) =>
  metricsOf(withVariables(expr, {})).filter((name) => !known.has(name) && !NOT_OURS.test(name));

describe('metrics', () => {
  it.each(recordings.map(({ record, expr }) => [record, expr]))('recorded as %s exist', (_, expr) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  it.each(readAlerts().map(({ alert, expr }) => [alert, expr]))('alerted on by %s exist', (_, expr) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  it.each(queriesOf(dashboards, 'prometheus').map(({ where, query }) => [where, query]))(
    'shown by %s exist',
    (_, query) => {
      expect(unknownIn(query)).toEqual([]);
    },
  );

  it('have names, units and help as Prometheus asks for', () => {
    for (const { name, help, type } of metrics) {
      expect(name).toMatch(/^[a-z][a-z_]*$/);
      expect(help.length, name).toBeGreaterThan(15);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
    }
  });

  it('are described with what each process that has them says', () => {
    const [jump, ahead] = ['clock_jump_seconds', 'event_log_clock_ahead_seconds'].map((wanted) =>
      metrics.find(({ name }) => name === wanted),
    );
    expect(jump?.labels.get('of')).toEqual(['event-log', 'telemetry-store']);
    expect(ahead?.processes).toEqual(['ingest-gateway', 'mqtt-source', 'processors', 'console']);
  });

  it('name no device', () => {
    const labels = new Set(metrics.flatMap((metric) => [...metric.labels.keys()]));
    expect([...labels].toSorted()).toEqual([
      'action',
      'broker',
      'cause',
      'certificate',
      'connection',
      'consumergroup',
      'direction',
      'kind',
      'listener',
      'node',
      'of',
      'outcome',
      'partition',
      'qos',
      'reason',
      'schema',
      'since',
      'source',
      'topic',
      'type',
      'version',
    ]);
  });
});
