import type { DashboardSpec } from './dashboard-spec.ts';
import { quantile, timeseries } from './timeseries.ts';

const INSTANCE = '{instance=~"$instance"}';
const rate = (metric: string, by: string) => `sum by (${by}) (rate(${metric}${INSTANCE}[$__rate_interval]))`;
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
          title: 'QoS 0 messages dropped, by reason',
          description: 'Every one is counted. QoS 1 and 2 messages are sent again by their devices instead.',
          unit: 'mps',
          queries: [{ query: rate('ingest_dropped_total', 'reason'), legend: '{{reason}}' }],
        }),
      ],
    },
    {
      title: 'Foreign topics, and brokers that are read from',
      panels: [
        timeseries({
          title: 'Messages on foreign topics, by mapping and outcome',
          description:
            'Rejected ones are dead letters: npm run dlq -- list --source NAME. Unmapped: no rule knows the topic; npm run mapping -- suggest.',
          unit: 'mps',
          stacked: true,
          queries: [
            {
              query: `sum by (source, outcome) (rate(ingest_mapped_messages_total${INSTANCE}[$__rate_interval]))`,
              legend: '{{source}} {{outcome}}',
            },
          ],
        }),
        timeseries({
          title: 'Brokers: messages handed over and acknowledged',
          description: 'Acknowledged when durable; the difference is in flight, or with the broker.',
          unit: 'mps',
          queries: [
            { query: rate('mqtt_source_messages_total', 'broker'), legend: '{{broker}} handed over' },
            { query: rate('mqtt_source_acknowledged_total', 'broker'), legend: '{{broker}} acknowledged' },
          ],
        }),
        timeseries({
          title: 'Brokers subscribed to',
          description: '1 yes, 0 no.',
          unit: 'short',
          queries: [{ query: `mqtt_source_connected${INSTANCE}`, legend: '{{broker}}' }],
          alerts: ['MqttSourceDown'],
        }),
        timeseries({
          title: 'Brokers: in flight and paused',
          description:
            'Not read from while a bound is reached: the log is behind, and the broker keeps what comes.',
          unit: 'short',
          queries: [
            { query: `mqtt_source_inflight_messages${INSTANCE}`, legend: '{{broker}} in flight' },
            { query: `mqtt_source_paused${INSTANCE}`, legend: '{{broker}} paused' },
          ],
        }),
        timeseries({
          title: 'Brokers: connections ended, sessions lost',
          description: 'A lost session is a loss of what the broker kept for us meanwhile.',
          unit: 'cps',
          queries: [
            {
              query: `sum by (broker, reason) (rate(mqtt_source_connections_ended_total${INSTANCE}[$__rate_interval]))`,
              legend: '{{broker}} {{reason}}',
            },
            { query: rate('mqtt_source_sessions_lost_total', 'broker'), legend: '{{broker}} session lost' },
          ],
        }),
      ],
    },
    {
      title: 'Turned away and tolerated',
      panels: [
        timeseries({
          title: 'Clients refused or disconnected, by reason',
          description:
            'The reasons are listed in docs/metrics.md. Who: the log, and npm run devices -- status.',
          unit: 'cps',
          queries: [{ query: rate('ingest_refused_total', 'reason'), legend: '{{reason}}' }],
          alerts: ['DevicesGone'],
        }),
        timeseries({
          title: 'Single devices in trouble',
          description:
            'Most readings refused for minutes, or silent for longer than they should be; one gateway does not hear what another one hears. Which: npm run devices -- status --trouble.',
          unit: 'short',
          queries: [
            { query: `ingest_devices_refused${INSTANCE}`, legend: '{{instance}} refused' },
            {
              query: `ingest_devices_silent${INSTANCE}`,
              legend: '{{instance}} silent, connection {{connection}}',
            },
          ],
          alerts: ['DeviceRefused', 'DeviceSilent'],
        }),
        timeseries({
          title: 'Files that cannot be used',
          description:
            'Credentials, bans, certificates, schemas and mappings: 1 = what they said before is in force.',
          unit: 'short',
          queries: [
            { query: `1 - ingest_files_usable${INSTANCE}`, legend: '{{instance}} {{kind}}' },
            { query: `1 - contract_files_usable${INSTANCE}`, legend: '{{instance}} schemas or mappings' },
          ],
          alerts: ['FilesUnusable'],
        }),
        timeseries({
          title: 'Connections open, by listener',
          description:
            'Also those in their handshake and those that said nothing yet: far above the devices, somebody floods.',
          unit: 'short',
          queries: [
            { query: `sum by (listener) (ingest_connections${INSTANCE})`, legend: '{{listener}}' },
            { query: `sum(ingest_connected_devices${INSTANCE})`, legend: 'devices' },
          ],
        }),
        timeseries({
          title: 'Connections accepted, by listener',
          description: 'Far above the devices that connect: churn, or sockets that come to nothing.',
          unit: 'cps',
          queries: [
            { query: rate('ingest_connections_total', 'listener'), legend: '{{listener}}' },
            {
              query: `sum(rate(ingest_cut_packets_total${INSTANCE}[$__rate_interval]))`,
              legend: 'ended in the middle of a packet',
            },
            {
              query: `sum(rate(http_connections_refused_total${INSTANCE}[$__rate_interval]))`,
              legend: 'HTTP, refused',
            },
          ],
        }),
        timeseries({
          title: 'File descriptors in use',
          description: 'Of what the process may have.',
          unit: 'percentunit',
          queries: [
            { query: `process_open_fds${INSTANCE} / process_max_fds${INSTANCE}`, legend: '{{instance}}' },
          ],
          thresholds: [{ from: 0.8, color: 'red' }],
          alerts: ['FileDescriptorsRunningOut'],
        }),
        timeseries({
          title: 'Until a certificate expires',
          description: 'Of the server file with its chain, and of the authority of the devices.',
          unit: 's',
          queries: [
            {
              query: `ingest_tls_certificate_expiry_timestamp_seconds${INSTANCE} - time()`,
              legend: '{{instance}} {{certificate}}',
            },
          ],
          alerts: ['TlsCertificateExpiring'],
        }),
        timeseries({
          title: 'Tolerated, by kind',
          description:
            'What harmless firmware asks for and does not get: wills, subscriptions, retained messages, …',
          unit: 'cps',
          queries: [{ query: rate('ingest_tolerated_total', 'kind'), legend: '{{kind}}' }],
        }),
      ],
    },
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
