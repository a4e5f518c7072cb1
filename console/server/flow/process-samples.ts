import type { Registry } from 'prom-client';
import { parseMetrics, samplesOf, type TakeSamples } from '#console/server/metric-samples.ts';
import type { TargetHttp } from '#console/server/target-http.ts';
import { describeError } from '#runtime/errors.ts';

/** What is looked at, by the names of `docs/metrics.md`. */
export const LOOKED_AT: ReadonlySet<string> = new Set([
  'ingest_connected_devices',
  'ingest_paused_devices',
  'ingest_devices_known',
  'ingest_devices_silent',
  'ingest_devices_refused',
  'ingest_files_usable',
  'contract_files_usable',
  'ingest_readings_decoded_total',
  'ingest_readings_appended_total',
  'ingest_dead_letters_total',
  'ingest_readings_unconfirmed',
  'ingest_inflight_messages',
  'ingest_inflight_bytes',
  'ingest_ack_seconds',
  'ingest_mapped_messages_total',
  'ingest_devices_off_clock',
  'ingest_tls_certificate_expiry_timestamp_seconds',
  'mqtt_source_connected',
  'writer_readings_consumed_total',
  'writer_readings_stored_total',
  'writer_dead_letters_total',
  'writer_write_retries_total',
  'dead_letters_pending',
  'dead_letters_oldest_pending_expiry_seconds',
  'dead_letters_retention_seconds',
  'event_log_up',
  'event_log_append_failures_total',
  'event_log_retention_seconds',
  'event_log_bytes',
  'event_log_max_bytes',
  'event_log_wal_bytes',
  'event_log_share_used_ratio',
  'event_log_held_back_records',
  'event_log_held_back_seconds',
  'event_log_topic_contradictions',
  'event_log_damaged_records_total',
  'event_log_rebuilt_total',
  'telemetry_store_wal_bytes',
  'telemetry_store_rebuilt_total',
  'clock_jump_seconds',
  'event_log_clock_ahead_seconds',
  'kafka_consumergroup_lag',
  'kafka_consumergroup_lag_seconds',
  'kafka_consumergroup_current_offset',
  'kafka_topic_partition_current_offset',
  'kafka_topic_partition_oldest_offset',
  'lag_monitor_last_success_timestamp_seconds',
  'process_open_fds',
  'process_max_fds',
]);

/** This process runs all parts: its own metrics. */
export function ownSamples(registry: Registry): TakeSamples {
  return async () => [
    { name: 'this process', samples: await samplesOf(registry, LOOKED_AT), detail: undefined },
  ];
}

/** The parts are other processes, asked all at once. */
export function samplesOfTargets(targets: readonly TargetHttp[]): TakeSamples {
  return () =>
    Promise.all(
      targets.map(async (target) => {
        try {
          const samples = parseMetrics(await target.text('/metrics'), LOOKED_AT);
          return { name: target.name, samples, detail: undefined };
        } catch (error) {
          return { name: target.name, samples: undefined, detail: describeError(error) };
        }
      }),
    );
}
