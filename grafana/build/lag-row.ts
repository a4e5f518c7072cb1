import type { RowSpec } from './dashboard-spec.ts';
import { byPartition, GROUP } from './partitions.ts';
import { timeseries } from './timeseries.ts';

/** How far behind the consumers are, and whether they catch up. */
export const LAG_ROW: RowSpec = {
  title: 'Lag',
  panels: [
    {
      kind: 'stat',
      title: 'Lag in seconds',
      description: 'Age of the oldest record that is not committed yet, by the timestamps of the log.',
      unit: 's',
      width: 6,
      height: 5,
      queries: [{ query: `max(consumergroup_topic:lag_seconds:max{${GROUP}})` }],
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
      queries: [{ query: `sum(consumergroup_topic:lag_records:sum{${GROUP}})` }],
      noValue: 'not known',
      alerts: ['ConsumerLagHigh', 'LagMonitorDown'],
    },
    {
      kind: 'stat',
      title: 'Time to drain',
      description:
        'Lag in records over the speed at which it shrinks, of the last five minutes. 0: nothing waits for 15 seconds. No value: the lag of a group does not shrink.',
      unit: 's',
      width: 6,
      height: 5,
      queries: [{ query: `max(consumergroup_topic:drain_seconds:estimate{${GROUP}}) < Inf` }],
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
          query: byPartition('kafka_consumergroup_lag_seconds', GROUP, 'consumergroup, topic, partition'),
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
          query: byPartition('kafka_consumergroup_lag', GROUP, 'consumergroup, topic, partition'),
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
          query: `consumergroup_topic:consumed_records:deriv5m{${GROUP}}`,
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
};
