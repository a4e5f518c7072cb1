import type { DashboardSpec, PanelSpec } from './dashboard-spec.ts';

const group = 'consumergroup=~"$consumergroup"';
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket[$__rate_interval])))`;
const timeseries = (panel: Omit<PanelSpec, 'kind' | 'width'> & { width?: number }): PanelSpec => ({
  kind: 'timeseries',
  width: 12,
  ...panel,
});
/** One table row for each partition; columns are told apart by these names. */
const byPartition = (metric: string, selector: string, by: string) =>
  `max by (${by}) (${metric}${selector === '' ? '' : `{${selector}}`})`;

export const PROCESSORS_AND_LAG: DashboardSpec = {
  uid: 'telemetry-processors-and-lag',
  title: 'Telemetry: processors and lag',
  description: 'How far the processors are behind, whether they catch up, and what the store says.',
  source: 'prometheus',
  variables: [
    {
      name: 'consumergroup',
      label: 'Consumer group',
      query: 'label_values(kafka_consumergroup_lag, consumergroup)',
      several: true,
    },
  ],
  from: 'now-1h',
  rows: [
    {
      title: 'Lag',
      panels: [
        {
          kind: 'stat',
          title: 'Lag in seconds',
          description: 'Age of the oldest record that is not committed yet, by the timestamps of the log.',
          unit: 's',
          width: 6,
          height: 5,
          queries: [{ query: `max(consumergroup_topic:lag_seconds:max{${group}})` }],
          thresholds: [
            { from: 120, color: 'orange' },
            { from: 300, color: 'red' },
          ],
          noValue: 'not known',
          alerts: ['ConsumerLagHigh', 'LagMonitorDown'],
        },
        {
          kind: 'stat',
          title: 'Lag in records',
          description: 'Records that are not committed yet.',
          unit: 'short',
          width: 6,
          height: 5,
          queries: [{ query: `sum(consumergroup_topic:lag_records:sum{${group}})` }],
          noValue: 'not known',
          alerts: ['ConsumerLagHigh', 'LagMonitorDown'],
        },
        {
          kind: 'stat',
          title: 'Time to drain',
          description:
            'Lag in records over the speed at which it shrinks, of the last five minutes. 0: nothing to do. No value: it does not shrink.',
          unit: 's',
          width: 6,
          height: 5,
          queries: [
            {
              query:
                `max(consumergroup_topic:lag_records:sum{${group}} / ` +
                `(consumergroup_topic:consumed_records:deriv5m{${group}} - on (topic) group_left () topic:appended_records:deriv5m > 0) ` +
                `or consumergroup_topic:lag_records:sum{${group}} == 0)`,
            },
          ],
          noValue: 'does not shrink',
          alerts: ['ConsumerLagHigh', 'ConsumerStalled'],
        },
        {
          kind: 'stat',
          title: 'Lag measured',
          description: 'Seconds since the event log last answered the lag monitor.',
          unit: 's',
          width: 6,
          height: 5,
          queries: [{ query: 'time() - max(lag_monitor_last_success_timestamp_seconds)' }],
          thresholds: [
            { from: 30, color: 'orange' },
            { from: 60, color: 'red' },
          ],
          noValue: 'never',
          alerts: ['LagMonitorDown'],
        },
        timeseries({
          title: 'Lag in seconds, by partition',
          description: 'One partition above the others: one processor is slow or stuck.',
          unit: 's',
          queries: [
            {
              query: byPartition('kafka_consumergroup_lag_seconds', group, 'consumergroup, topic, partition'),
              legend: '{{topic}}/{{partition}}',
            },
          ],
          thresholds: [
            { from: 120, color: 'orange' },
            { from: 300, color: 'red' },
          ],
          alerts: ['ConsumerLagHigh', 'ConsumerStalled'],
        }),
        timeseries({
          title: 'Lag in records, by partition',
          description: 'One partition above the others: its devices send more.',
          unit: 'short',
          stacked: true,
          queries: [
            {
              query: byPartition('kafka_consumergroup_lag', group, 'consumergroup, topic, partition'),
              legend: '{{topic}}/{{partition}}',
            },
          ],
          alerts: ['ConsumerLagHigh', 'ConsumerStalled'],
        }),
        timeseries({
          title: 'Appended and consumed',
          description: 'Records a second, of the last five minutes. Consumed above appended: it catches up.',
          unit: 'cps',
          queries: [
            { query: 'topic:appended_records:deriv5m', legend: 'appended to {{topic}}' },
            {
              query: `consumergroup_topic:consumed_records:deriv5m{${group}}`,
              legend: 'consumed by {{consumergroup}}',
            },
          ],
          alerts: ['ConsumerStalled'],
        }),
        timeseries({
          title: 'Rebalances',
          description:
            'Times that partitions were shared out anew, a minute. Once per start or stop of a processor is normal; all the time means that one of them keeps dying.',
          unit: 'opm',
          queries: [
            {
              query: 'sum by (instance) (rate(writer_rebalances_total[$__rate_interval])) * 60',
              legend: '{{instance}}',
            },
          ],
          alerts: ['ConsumerStalled'],
        }),
      ],
    },
    {
      title: 'Store',
      panels: [
        timeseries({
          title: 'Readings stored by schema',
          description: 'Written and committed.',
          unit: 'cps',
          stacked: true,
          queries: [
            {
              query: 'sum by (schema) (rate(writer_readings_stored_total[$__rate_interval]))',
              legend: '{{schema}}',
            },
          ],
          alerts: ['StoreWritesFailing'],
        }),
        timeseries({
          title: 'Readings consumed and dead-lettered',
          description:
            'What is consumed ends stored or dead-lettered; the books of each processor must close.',
          unit: 'cps',
          queries: [
            {
              query: 'sum(rate(writer_readings_consumed_total[$__rate_interval]))',
              legend: 'consumed',
            },
            {
              query: 'sum by (reason) (rate(writer_dead_letters_total[$__rate_interval]))',
              legend: 'dead-lettered: {{reason}}',
            },
          ],
          alerts: ['AccountingGap', 'DeadLetterRateHigh'],
        }),
        timeseries({
          title: 'Write duration',
          description: 'One write to the store, whatever its outcome.',
          unit: 's',
          queries: [
            { query: quantile(0.5, 'writer_write_seconds'), legend: 'median' },
            { query: quantile(0.99, 'writer_write_seconds'), legend: '99 %' },
          ],
          alerts: ['ConsumerLagHigh', 'StoreWritesFailing'],
        }),
        timeseries({
          title: 'Writes tried again, by cause',
          description:
            '"misconfigured" and "rejects-all" wait for a person; the others end by themselves when the store is back.',
          unit: 'cps',
          queries: [
            {
              query: 'sum by (cause) (rate(writer_write_retries_total[$__rate_interval]))',
              legend: '{{cause}}',
            },
          ],
          alerts: ['StoreWritesFailing'],
        }),
        timeseries({
          title: 'Points a write',
          description: 'Mean. Grows with the load, up to 5,000.',
          unit: 'short',
          queries: [
            {
              query:
                'sum by (instance) (rate(writer_batch_points_sum[$__rate_interval])) / sum by (instance) (rate(writer_batch_points_count[$__rate_interval]))',
              legend: '{{instance}}',
            },
          ],
        }),
        timeseries({
          title: 'From receipt to store',
          description:
            'Time from the receipt of a message until its readings were stored; replayed ones are left out.',
          unit: 's',
          queries: [
            { query: quantile(0.5, 'telemetry_age_seconds'), legend: 'median' },
            { query: quantile(0.99, 'telemetry_age_seconds'), legend: '99 %' },
          ],
          alerts: ['ConsumerLagHigh'],
        }),
      ],
    },
    {
      title: 'Room in the log',
      panels: [
        timeseries({
          title: 'Backlog over retention',
          description: 'From 1 on Kafka removes records that were not consumed.',
          unit: 'percentunit',
          width: 8,
          queries: [
            {
              query:
                'max by (topic) (kafka_consumergroup_lag_seconds) / on (topic) max by (topic) (last_over_time(event_log_retention_seconds[1d]))',
              legend: '{{topic}}',
            },
          ],
          thresholds: [
            { from: 0.5, color: 'orange' },
            { from: 0.7, color: 'red' },
          ],
          alerts: ['RetentionAtRisk'],
        }),
        timeseries({
          title: 'Embedded log: share of its size limit',
          description:
            'Used, and the estimated part of it that nobody has consumed. Consumed records stay until 90 % are used, and then make room.',
          unit: 'percentunit',
          width: 8,
          queries: [
            { query: 'event_log_bytes / event_log_max_bytes', legend: '{{instance}} used' },
            { query: 'instance:event_log_backlog:ratio', legend: '{{instance}} not consumed' },
          ],
          thresholds: [
            { from: 0.7, color: 'orange' },
            { from: 0.95, color: 'red' },
          ],
          noValue: 'Kafka',
          alerts: ['RetentionAtRisk'],
        }),
        timeseries({
          title: 'Age of the oldest record',
          description:
            'Nears the retention, and stays there; less when the size limit of an embedded log makes room earlier.',
          unit: 's',
          width: 8,
          queries: [{ query: 'max by (topic) (event_log_oldest_record_age_seconds)', legend: '{{topic}}' }],
        }),
      ],
    },
    {
      title: 'Partitions',
      panels: [
        {
          kind: 'table',
          title: 'Offsets',
          description:
            'Per partition: oldest record, committed offset (-1: never), end of the log, lag. The same as npm run lag-monitor -- --once.',
          unit: 'short',
          width: 24,
          queries: [
            {
              query: byPartition('kafka_topic_partition_oldest_offset', '', 'topic, partition'),
              legend: 'oldest',
            },
            {
              query: byPartition('kafka_consumergroup_current_offset', group, 'topic, partition'),
              legend: 'committed',
            },
            {
              query: byPartition('kafka_topic_partition_current_offset', '', 'topic, partition'),
              legend: 'end',
            },
            {
              query: byPartition('kafka_consumergroup_lag', group, 'topic, partition'),
              legend: 'lag',
            },
            {
              query: byPartition('kafka_consumergroup_lag_seconds', group, 'topic, partition'),
              legend: 'lag seconds',
            },
          ],
        },
      ],
    },
  ],
};
