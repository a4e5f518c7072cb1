import { collectDefaultMetrics, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { collectNodeMetrics } from './node-metrics.ts';

test('a scrape asks for nothing that walks over all connections, and for all else that prom-client knows', async () => {
  const [theirs, ours] = [new Registry(), new Registry()];
  collectDefaultMetrics({ register: theirs });
  collectNodeMetrics(ours);
  const namesOf = (metrics: Registry) => new Set(metrics.getMetricsAsArray().map(({ name }) => name));
  expect(namesOf(theirs).difference(namesOf(ours))).toEqual(
    new Set([
      'nodejs_active_handles',
      'nodejs_active_handles_total',
      'nodejs_active_resources',
      'nodejs_active_resources_total',
    ]),
  );
  expect(namesOf(ours).isSubsetOf(namesOf(theirs))).toBe(true);
  expect(await ours.metrics()).toMatch(/^process_open_fds [1-9]/m);
});
