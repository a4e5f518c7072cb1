/** The consumer groups that are chosen at the top of the dashboard. */
export const GROUP = 'consumergroup=~"$consumergroup"';

/** The PromQL of one value for each partition, also when several processes tell it. */
export function byPartition(metric: string, selector: string, by: string): string {
  return `max by (${by}) (${metric}${selector === '' ? '' : `{${selector}}`})`;
}
