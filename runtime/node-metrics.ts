import { collectDefaultMetrics, type Registry } from 'prom-client';
import { tellOpenFiles } from './open-files.ts';

/**
 * Each walks over all that the process has open, one by one: with ten thousand connections some milliseconds each, at every scrape, in
 * which nothing else is done. What they count we count ourselves where it matters (`ingest_connected_devices`).
 */
const WALKS_OVER_ALL = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
];

/** prom-client's metrics of Node and of the process, as far as asking for them holds up nobody. */
export function collectNodeMetrics(metrics: Registry): void {
  collectDefaultMetrics({ register: metrics });
  for (const name of WALKS_OVER_ALL) metrics.removeSingleMetric(name);
  tellOpenFiles(metrics);
}
