import { duration, MINUTE, type ProblemRule, percent, plural, ratio, SECOND } from './problem-rule.ts';

const WAL_BYTES = 268_435_456;

/** About the log, the store, and the way between them. */
export const STORAGE_RULES: readonly ProblemRule[] = [
  {
    name: 'EventLogUnavailable',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: (now) =>
      now.samples.min('event_log_up') === 0 ||
      (now.increase('deadline', MINUTE) > 0 && now.increase('deadline', 2 * MINUTE, MINUTE) > 0)
        ? 'The event log, or a part of it, cannot be written: devices are not acknowledged, and send again.'
        : undefined,
  },
  {
    name: 'StoreWritesFailing',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: (now) =>
      now.increase('retries', 3 * MINUTE) > 0 && now.increase('stored', 3 * MINUTE) === 0
        ? 'The store takes nothing: every write is tried again, and readings wait in the log.'
        : undefined,
  },
  {
    name: 'ConsumerStalled',
    severity: 'critical',
    forMs: MINUTE,
    of: 'all',
    holds: (now) => {
      const stalled = now.stalledPartitions(120, 2 * MINUTE);
      const records = stalled.reduce((sum, { lag }) => sum + lag, 0);
      const where = stalled.map(({ topic, partition }) => `${topic}/${partition}`).slice(0, 3);
      return stalled.length === 0
        ? undefined
        : `The telemetry-writer does not move: ${plural(records, 'record')} wait in ${where.join(', ')}${stalled.length > 3 ? ', …' : ''}.`;
    },
  },
  {
    name: 'AccountingGap',
    severity: 'critical',
    forMs: 2 * MINUTE,
    of: 'each',
    holds: ({ unaccounted }) =>
      unaccounted > 0
        ? `${plural(unaccounted, 'reading')} cannot be accounted for: the books do not close, which is a fault of the pipeline itself.`
        : undefined,
  },
  {
    name: 'RetentionAtRisk',
    severity: 'critical',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      // Each topic has its own: dead letters are kept for longer.
      const used = samples
        .of('kafka_consumergroup_lag_seconds')
        .map(({ labels: { topic = '' }, value }) =>
          ratio(value, samples.max('event_log_retention_seconds', { topic })),
        );
      const time = Math.max(0, ...used);
      const full = ratio(samples.sum('event_log_bytes'), samples.sum('event_log_max_bytes'));
      const kept =
        (samples.sum('kafka_topic_partition_current_offset') ?? 0) -
        (samples.sum('kafka_topic_partition_oldest_offset') ?? 0);
      const backlog = full * ratio(samples.sum('kafka_consumergroup_lag'), kept);
      if (time > 0.7)
        return `Readings that are not stored yet have used ${percent(time)} of the time that the log keeps them.`;
      if (backlog > 0.7) return `Readings that are not stored yet fill ${percent(backlog)} of the log.`;
      return full > 0.95 ? `The log is ${percent(full)} full.` : undefined;
    },
  },
  {
    name: 'RecordsHeldBack',
    severity: 'critical',
    forMs: MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const seconds = samples.max('event_log_held_back_seconds') ?? 0;
      return seconds > 120
        ? `Nobody may read ${plural(samples.max('event_log_held_back_records') ?? 0, 'record')} of a partition: a transaction that somebody opened is not over for ${duration(seconds)}.`
        : undefined;
    },
  },
  {
    name: 'TopicContradictsPromise',
    severity: 'critical',
    forMs: 2 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const topics = samples
        .of('event_log_topic_contradictions')
        .flatMap(({ labels: { topic = '' }, value }) => (value > 0 ? [topic] : []));
      return topics.length > 0
        ? `What somebody changed in Kafka contradicts a promise: ${[...new Set(topics)].join(', ')}. The lag monitor's log says which setting.`
        : undefined;
    },
  },
  {
    name: 'LagMonitorDown',
    severity: 'critical',
    forMs: MINUTE,
    of: 'all',
    holds: (now) =>
      now.isLagMeasured(3 * MINUTE)
        ? undefined
        : 'Nobody measures the lag: a stalled writer would go unseen.',
  },
  {
    name: 'EventLogDamaged',
    severity: 'critical',
    forMs: 10 * SECOND,
    of: 'each',
    holds: (now) => {
      const damaged = now.increase('damaged', 60 * MINUTE);
      return damaged > 0
        ? `${plural(damaged, 'record')} of the log could not be read; what stands there was set aside as dead letters.`
        : undefined;
    },
  },
  {
    name: 'DataFileRebuilt',
    severity: 'critical',
    forMs: 10 * SECOND,
    of: 'each',
    holds: ({ samples }) => {
      if ((samples.sum('event_log_rebuilt_total') ?? 0) > 0)
        return 'The file of the event log was damaged, and made anew from what could be read.';
      return (samples.sum('telemetry_store_rebuilt_total') ?? 0) > 0
        ? 'The file of the store was damaged, and made anew from what could be read.'
        : undefined;
    },
  },
  {
    name: 'ConsumerLagHigh',
    severity: 'warning',
    forMs: 2 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const seconds = samples.max('kafka_consumergroup_lag_seconds') ?? 0;
      return seconds > 300
        ? `Readings are stored ${duration(seconds)} after they came: what charts show is late.`
        : undefined;
    },
  },
  {
    name: 'DeadLettersExpiring',
    severity: 'warning',
    forMs: 10 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const left = samples.min('dead_letters_oldest_pending_expiry_seconds');
      const retention = samples.max('dead_letters_retention_seconds');
      return left !== undefined && retention !== undefined && left < 0.1 * retention
        ? `Dead letters that nobody dealt with are removed in ${duration(left)}.`
        : undefined;
    },
  },
  {
    name: 'DeadLettersFilling',
    severity: 'warning',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const used = samples.max('event_log_share_used_ratio') ?? 0;
      return used > 0.7
        ? `Dead letters fill ${percent(used)} of what they may take, all of them or those of one device.`
        : undefined;
    },
  },
  {
    name: 'WriteAheadLogGrowing',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const bytes = Math.max(
        samples.max('event_log_wal_bytes') ?? 0,
        samples.max('telemetry_store_wal_bytes') ?? 0,
      );
      return bytes > WAL_BYTES
        ? `A write-ahead log has grown to ${Math.round(bytes / 1_048_576)} MiB: another program keeps reading one state of the file.`
        : undefined;
    },
  },
];
