import type { RowSpec } from './dashboard-spec.ts';
import { byPartition, GROUP } from './partitions.ts';
import { timeseries } from './timeseries.ts';

/** How near the log is to its limits. */
export const LOG_ROOM_ROW: RowSpec = {
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
};

/** The numbers behind the lag. Columns are told apart by the names of the queries. */
export const PARTITIONS_ROW: RowSpec = {
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
          query: byPartition('kafka_consumergroup_current_offset', GROUP, 'topic, partition'),
          legend: 'committed',
        },
        {
          query: byPartition('kafka_topic_partition_current_offset', '', 'topic, partition'),
          legend: 'end',
        },
        {
          query: byPartition('kafka_consumergroup_lag', GROUP, 'topic, partition'),
          legend: 'lag',
        },
        {
          query: byPartition('kafka_consumergroup_lag_seconds', GROUP, 'topic, partition'),
          legend: 'lag seconds',
        },
      ],
    },
  ],
};
