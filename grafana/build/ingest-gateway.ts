import type { DashboardSpec } from './dashboard-spec.ts';
import { FOREIGN_ROW, INSTANCE, rate, TURNED_AWAY_ROW } from './gateway-rows.ts';
import { quantile, timeseries } from './timeseries.ts';

const perInstance = (metric: string) => [{ query: `${metric}${INSTANCE}`, legend: '{{instance}}' }];

export const INGEST_GATEWAY: DashboardSpec = {
  uid: 'telemetry-ingest-gateway',
  title: 'Telemetry: ingest gateway',
  description:
    'MQTT in: who is connected, what arrives, how soon it is acknowledged, who is slowed or refused.',
  source: 'prometheus',
  variables: [
    {
      name: 'instance',
      label: 'Gateway',
      query: 'label_values(ingest_connected_devices, instance)',
      several: true,
    },
  ],
  from: 'now-1h',
  rows: [
    {
      title: 'Devices and messages',
      panels: [
        timeseries({
          title: 'Devices connected',
          description: 'Limit: 10,000 connections a gateway.',
          unit: 'short',
          queries: perInstance('ingest_connected_devices'),
          thresholds: [
            { from: 8_000, color: 'orange' },
            { from: 10_000, color: 'red' },
          ],
          alerts: ['DevicesGone'],
        }),
        timeseries({
          title: 'Messages by QoS',
          description: 'QoS 0 carries no promise.',
          unit: 'mps',
          stacked: true,
          queries: [{ query: rate('ingest_messages_total', 'qos'), legend: 'QoS {{qos}}' }],
        }),
        timeseries({
          title: 'Messages by version',
          description: 'What the devices speak. With MQTT 5 they are told what became of each message.',
          unit: 'mps',
          stacked: true,
          queries: [{ query: rate('ingest_messages_total', 'version'), legend: 'MQTT {{version}}' }],
        }),
        timeseries({
          title: 'Readings appended by schema',
          description: 'Durable in the event log.',
          unit: 'cps',
          stacked: true,
          queries: [{ query: rate('ingest_readings_appended_total', 'schema'), legend: '{{schema}}' }],
        }),
        timeseries({
          title: 'Dead letters by reason',
          description: 'Refused at the door, kept in the dead-letter topic, acknowledged.',
          unit: 'cps',
          stacked: true,
          queries: [{ query: rate('ingest_dead_letters_total', 'reason'), legend: '{{reason}}' }],
          alerts: ['DeadLetterRateHigh'],
        }),
      ],
    },
    {
      title: 'Acknowledgement',
      panels: [
        timeseries({
          title: 'Time to acknowledgement',
          description:
            'From the receipt of a QoS 1 or 2 message until its PUBACK or PUBREC, which is sent once it is durable.',
          unit: 's',
          queries: [
            { query: quantile(0.5, 'ingest_ack_seconds', INSTANCE), legend: 'median' },
            { query: quantile(0.99, 'ingest_ack_seconds', INSTANCE), legend: '99 %' },
          ],
          thresholds: [
            { from: 1, color: 'orange' },
            { from: 5, color: 'red' },
          ],
          alerts: ['EventLogUnavailable', 'IngestBackpressure'],
        }),
        timeseries({
          title: 'Append duration',
          description: 'From handing a batch to the event log until it was durable.',
          unit: 's',
          queries: [
            { query: quantile(0.5, 'event_log_append_seconds', INSTANCE), legend: 'median' },
            { query: quantile(0.99, 'event_log_append_seconds', INSTANCE), legend: '99 %' },
          ],
          alerts: ['EventLogUnavailable'],
        }),
        timeseries({
          title: 'Appends that failed, by cause',
          description:
            'Records, once per attempt. "deadline": given up; the connection is closed without acknowledgement.',
          unit: 'cps',
          queries: [{ query: rate('event_log_append_failures_total', 'cause'), legend: '{{cause}}' }],
          alerts: ['EventLogUnavailable'],
        }),
        timeseries({
          title: 'Event log can be written',
          description: '1 yes, 0 no.',
          unit: 'short',
          queries: perInstance('event_log_up'),
          alerts: ['EventLogUnavailable'],
        }),
      ],
    },
    {
      title: 'Back-pressure',
      panels: [
        timeseries({
          title: 'Messages in flight',
          description: 'Received and not yet durable. Limit: 50,000; then no device is read from.',
          unit: 'short',
          queries: perInstance('ingest_inflight_messages'),
          thresholds: [
            { from: 25_000, color: 'orange' },
            { from: 50_000, color: 'red' },
          ],
          alerts: ['IngestBackpressure'],
        }),
        timeseries({
          title: 'Bytes in flight',
          description: 'Memory of those messages, estimated. Limit: 64 MiB.',
          unit: 'bytes',
          queries: perInstance('ingest_inflight_bytes'),
          thresholds: [
            { from: 32 * 1024 ** 2, color: 'orange' },
            { from: 64 * 1024 ** 2, color: 'red' },
          ],
          alerts: ['IngestBackpressure'],
        }),
        timeseries({
          title: 'Devices paused',
          description:
            'Not read from, because a bound or their own rate (200 messages/s) is reached. TCP slows them.',
          unit: 'short',
          queries: perInstance('ingest_paused_devices'),
          alerts: ['IngestBackpressure'],
        }),
        timeseries({
          title: 'Input unread',
          description:
            'Read from sockets and waiting: of devices that are paused, or wait for their turn. Limit: MQTT_UNREAD_BYTES.',
          unit: 'bytes',
          queries: perInstance('ingest_unread_bytes'),
          alerts: ['IngestBackpressure'],
        }),
        timeseries({
          title: 'QoS 0 messages dropped, by reason',
          description: 'Every one is counted. QoS 1 and 2 messages are sent again by their devices instead.',
          unit: 'mps',
          queries: [{ query: rate('ingest_dropped_total', 'reason'), legend: '{{reason}}' }],
        }),
      ],
    },
    FOREIGN_ROW,
    TURNED_AWAY_ROW,
    {
      title: 'Process',
      panels: [
        timeseries({
          title: 'Memory',
          description: 'Stays flat while the log is away.',
          unit: 'bytes',
          queries: perInstance('process_resident_memory_bytes'),
        }),
        timeseries({
          title: 'Event loop delay (99 %)',
          description: 'How long the one thread that serves all devices was busy with something else.',
          unit: 's',
          queries: perInstance('nodejs_eventloop_lag_p99_seconds'),
          thresholds: [
            { from: 0.1, color: 'orange' },
            { from: 0.5, color: 'red' },
          ],
        }),
      ],
    },
  ],
};
