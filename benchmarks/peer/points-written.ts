import { sumOf } from '#benchmarks/scraped-metrics.ts';
import type { InfluxDb } from '#services/influxdb.ts';

/**
 * Counts points from now on by InfluxDB's own account, for every writer alike: a reading is a point. To ask the bucket would cost
 * InfluxDB more than it is measured at. Nobody else may write to it meanwhile.
 */
export async function pointsWritten({ url }: InfluxDb): Promise<() => Promise<number>> {
  const points = (): Promise<number> => metricOf(url, 'storage_writer_ok_points_sum');
  const before = await points();
  return async () => (await points()) - before;
}

/** Of a page of metrics: the sum of its series. */
export async function metricOf(url: string, name: string): Promise<number> {
  return sumOf(await (await fetch(`${url}/metrics`)).text(), name);
}
