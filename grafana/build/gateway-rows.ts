import type { RowSpec } from './dashboard-spec.ts';
import { timeseries } from './timeseries.ts';

export const INSTANCE = '{instance=~"$instance"}';
export const rate = (metric: string, by: string) =>
  `sum by (${by}) (rate(${metric}${INSTANCE}[$__rate_interval]))`;

/** What comes in besides our own topics. */
export const FOREIGN_ROW: RowSpec = {
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
};

/** Who does not get what he wants, and what soon will not. */
export const TURNED_AWAY_ROW: RowSpec = {
  title: 'Turned away and tolerated',
  panels: [
    timeseries({
      title: 'Clients refused or disconnected, by reason',
      description: 'The reasons are listed in docs/metrics.md. Who: the log, and npm run devices -- status.',
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
};
