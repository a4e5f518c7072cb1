import type { FlowProblem } from '#console/api/flow.ts';
import type { ProblemWindow } from './problem-window.ts';

/** The condition of an alert of `prometheus/rules/alerts.yml`, on the numbers that a console has. */
export interface ProblemRule {
  readonly name: string;
  readonly severity: FlowProblem['severity'];
  /** How long it must hold before it is told. */
  readonly forMs: number;
  /** Judged for each process by itself, or for all of them together. */
  readonly of: 'each' | 'all';
  /** What is wrong, in a sentence; `undefined` when nothing is. */
  readonly holds: (now: ProblemWindow) => string | undefined;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const WAL_BYTES = 268_435_456;

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
const plural = (count: number, one: string): string =>
  `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
const duration = (seconds: number): string =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : seconds < 2 * 86_400
        ? `${Math.round(seconds / 3600)} h`
        : `${Math.round(seconds / 86_400)} days`;

/** Of alerts that only Prometheus can judge there is none: see `flow-problems.test.ts`. */
export const PROBLEM_RULES: readonly ProblemRule[] = [
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
      const time = ratio(
        samples.max('kafka_consumergroup_lag_seconds'),
        samples.max('event_log_retention_seconds'),
      );
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
    name: 'LagMonitorDown',
    severity: 'critical',
    forMs: MINUTE,
    of: 'all',
    holds: ({ samples, at }) => {
      const last = samples.max('lag_monitor_last_success_timestamp_seconds');
      return last === undefined || at / 1000 - last > 60
        ? 'Nobody measures the lag: a stalled writer would go unseen.'
        : undefined;
    },
  },
  {
    name: 'MqttSourceDown',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: (now) =>
      (now.mean('source', 2 * MINUTE) ?? 1) < 0.5
        ? 'A broker that readings come from does not give us all that it has.'
        : undefined,
  },
  {
    name: 'ClockDisagrees',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const off = samples
        .of('ingest_devices_off_clock')
        .find(
          ({ value }) => value >= 3 && value > 0.5 * (samples.max('ingest_connected_devices') ?? Infinity),
        );
      return (
        off &&
        `${plural(off.value, 'device')} are ${off.labels['direction']} of this machine's clock, which is most likely wrong.`
      );
    },
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
    name: 'FileDescriptorsRunningOut',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const used = ratio(samples.max('process_open_fds'), samples.max('process_max_fds'));
      return used > 0.8
        ? `${percent(used)} of the file descriptors are used; without one left nobody can connect.`
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
    name: 'DeadLetterRateHigh',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: (now) => {
      const letters = now.rate('letters', 5 * MINUTE);
      const decoded = now.rate('decoded', 5 * MINUTE);
      return letters > 0.05 * decoded && letters > 0.02
        ? `${letters < 1 ? letters.toFixed(2) : Math.round(letters).toLocaleString('en')} readings a second are refused, ${percent(ratio(letters, decoded))} of all: a firmware or a schema has changed.`
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
    name: 'IngestBackpressure',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'each',
    holds: (now) => {
      const paused = now.mean('paused', 2 * MINUTE) ?? 0;
      return paused > 0.5
        ? `${plural(Math.max(1, Math.round(paused)), 'device')} are slowed down: they publish faster than the log takes it, or than one device may.`
        : undefined;
    },
  },
  {
    name: 'DevicesGone',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: (now) => {
      const connected = now.samples.sum('ingest_connected_devices');
      const usual = now.quantile('connected', 0.9, 60 * MINUTE) ?? 0;
      return connected !== undefined && usual >= 10 && connected < 0.5 * usual
        ? `Only ${plural(connected, 'device')} are connected, less than half of the last hour (${Math.round(usual)}).`
        : undefined;
    },
  },
  {
    name: 'DeviceRefused',
    severity: 'warning',
    forMs: 2 * MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const devices = samples.sum('ingest_devices_refused') ?? 0;
      return devices > 0
        ? `Most readings of ${plural(devices, 'device')} are refused, for minutes: of them little or nothing is stored.`
        : undefined;
    },
  },
  {
    name: 'DeviceSilent',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const silent =
        (samples.max('ingest_devices_known') ?? 0) -
        (samples.sum('ingest_devices_known') ?? 0) +
        (samples.sum('ingest_devices_silent') ?? 0);
      return silent > 0 ? `${plural(silent, 'device')} sent nothing for longer than they should.` : undefined;
    },
  },
  {
    name: 'FilesUnusable',
    severity: 'warning',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const unusable = samples.of('ingest_files_usable').find(({ value }) => value === 0)?.labels['kind'];
      const what = samples.min('contract_files_usable') === 0 ? 'schemas or mappings' : unusable;
      return what === undefined
        ? undefined
        : `The files of ${what} cannot be used as they are now; what they said before is in force, and a restart would fail.`;
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
  {
    name: 'ClockJumped',
    severity: 'warning',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const jump = (since: string): number => Math.abs(samples.sum('clock_jump_seconds', { since }) ?? 0);
      const seconds =
        jump('running') > 300 ? jump('running') : jump('stopped') > 86_400 ? jump('stopped') : 0;
      return seconds > 0
        ? `This machine's clock differs by ${duration(seconds)} from the time that was seen to pass.`
        : undefined;
    },
  },
  {
    name: 'TlsCertificateExpiring',
    severity: 'warning',
    forMs: 10 * MINUTE,
    of: 'each',
    holds: ({ samples, at }) => {
      const expiry = samples.min('ingest_tls_certificate_expiry_timestamp_seconds');
      return expiry !== undefined && expiry * 1000 - at < 14 * DAY
        ? `A TLS certificate expires in ${duration(expiry - at / 1000)}; from then on devices cannot connect over TLS.`
        : undefined;
    },
  },
];

/** 0 where nobody tells. */
function ratio(part: number | undefined, whole: number | undefined): number {
  return part === undefined || whole === undefined || whole <= 0 ? 0 : part / whole;
}
