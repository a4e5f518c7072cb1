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
            'max by (topic) (kafka_consumergroup_lag_seconds) / on (topic) max by (topic) (event_log_retention_seconds)',
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

/** What endangers the data itself: the clock, the room of dead letters, files that grow or are spoilt. */
export const SAFETY_ROW: RowSpec = {
  title: 'Clock, dead letters, files',
  panels: [
    timeseries({
      title: "Jump of the machine's clock",
      description:
        'Ahead of the time that was seen to pass (negative: behind) and not believed yet: nothing is removed for it. How far brokers are ahead of this machine. 0 is right.',
      unit: 's',
      width: 8,
      queries: [
        { query: 'clock_jump_seconds', legend: '{{instance}} {{of}}, since {{since}}' },
        { query: 'event_log_clock_ahead_seconds', legend: '{{instance}}, broker {{node}}' },
      ],
      alerts: ['ClockJumped'],
    }),
    timeseries({
      title: 'Devices off our clock',
      description:
        'Devices whose readings are refused for their time. Many in one direction: it is the clock of the gateway that is wrong.',
      unit: 'short',
      width: 8,
      queries: [{ query: 'ingest_devices_off_clock', legend: '{{instance}} {{direction}}' }],
      alerts: ['ClockDisagrees'],
    }),
    timeseries({
      title: 'Dead letters: how full their share is',
      description:
        'All letters, or the fullest device, whichever is fuller. From 80 % on settled letters go, then older duplicates; at 100 % the device (or whatever needs a letter) is not acknowledged.',
      unit: 'percentunit',
      width: 8,
      queries: [{ query: 'event_log_share_used_ratio', legend: '{{instance}} {{topic}}' }],
      thresholds: [
        { from: 0.7, color: 'orange' },
        { from: 0.95, color: 'red' },
      ],
      noValue: 'Kafka',
      alerts: ['DeadLettersFilling'],
    }),
    timeseries({
      title: 'Duplicates of dead letters that made room',
      description:
        'Of letters that say the same the newest stays. A device that sends one bad message again and again.',
      unit: 'cps',
      width: 8,
      queries: [
        {
          query: 'sum by (instance) (rate(dead_letters_duplicates_dismissed_total[$__rate_interval]))',
          legend: '{{instance}}',
        },
      ],
      alerts: ['DeadLettersFilling'],
    }),
    timeseries({
      title: 'Write-ahead logs',
      description:
        'Of the embedded log and store. They grow while another program keeps reading one state of the file.',
      unit: 'bytes',
      width: 8,
      queries: [
        { query: 'event_log_wal_bytes', legend: '{{instance}} log' },
        { query: 'telemetry_store_wal_bytes', legend: '{{instance}} store' },
      ],
      noValue: 'Kafka',
      alerts: ['WriteAheadLogGrowing'],
    }),
    timeseries({
      title: 'Records that could not be read',
      description: 'Acknowledged records that the disk has spoilt, in the last hour. Each is a dead letter.',
      unit: 'short',
      width: 8,
      queries: [
        {
          query: 'sum by (topic) (increase(event_log_damaged_records_total[1h]))',
          legend: '{{topic}}',
        },
      ],
      thresholds: [{ from: 1, color: 'red' }],
      alerts: ['EventLogDamaged'],
    }),
    timeseries({
      title: 'Kafka: records held back',
      description:
        'Durable records that nobody may read yet, because a transaction that somebody opened on the topic is not over.',
      unit: 'short',
      width: 12,
      queries: [
        {
          query: byPartition('event_log_held_back_records', '', 'topic, partition'),
          legend: '{{topic}}/{{partition}}',
        },
      ],
      noValue: 'embedded log',
      alerts: ['RecordsHeldBack'],
    }),
    timeseries({
      title: 'Kafka: topics that contradict a promise',
      description:
        'How many settings of a topic are not as the promises need them; what, the log of the lag monitor says.',
      unit: 'short',
      width: 12,
      queries: [{ query: 'max by (topic) (event_log_topic_contradictions)', legend: '{{topic}}' }],
      thresholds: [{ from: 1, color: 'red' }],
      noValue: 'embedded log',
      alerts: ['TopicContradictsPromise'],
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
