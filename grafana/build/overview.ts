import type { DashboardSpec } from './dashboard-spec.ts';

export const OVERVIEW: DashboardSpec = {
  uid: 'telemetry-overview',
  title: 'Telemetry: overview',
  description: 'Is data flowing, is anything lost, how late is it, do the books close?',
  source: 'prometheus',
  variables: [],
  from: 'now-1h',
  rows: [
    {
      title: 'Is data flowing?',
      panels: [
        {
          kind: 'stat',
          title: 'Devices connected',
          description: 'Over all gateways.',
          unit: 'short',
          width: 4,
          height: 4,
          queries: [{ query: 'sum(ingest_connected_devices)' }],
          below: 'red',
          thresholds: [{ from: 1, color: 'green' }],
          alerts: ['DevicesGone', 'IngestGatewayDown'],
        },
        {
          kind: 'stat',
          title: 'Readings in',
          description: 'Readings a second that gateways found in messages.',
          unit: 'cps',
          width: 4,
          height: 4,
          queries: [{ query: 'sum(rate(ingest_readings_decoded_total[$__rate_interval]))' }],
        },
        {
          kind: 'stat',
          title: 'Readings stored',
          description: 'Readings a second that processors wrote and committed.',
          unit: 'cps',
          width: 4,
          height: 4,
          queries: [{ query: 'sum(rate(writer_readings_stored_total[$__rate_interval]))' }],
          alerts: ['ConsumerStalled', 'StoreWritesFailing'],
        },
        {
          kind: 'stat',
          title: 'Alerts firing',
          description: 'Of all severities, silenced ones included.',
          unit: 'short',
          width: 4,
          height: 4,
          queries: [{ query: 'count(ALERTS{alertstate="firing"}) or vector(0)' }],
          thresholds: [{ from: 1, color: 'red' }],
        },
        {
          kind: 'stat',
          title: 'Processes',
          description: '1: Prometheus reads its metrics. 0: it does not answer.',
          unit: 'short',
          width: 8,
          height: 4,
          queries: [
            {
              query: 'up{job=~"ingest-gateway|mqtt-source|processors|lag-monitor|standalone"}',
              legend: '{{job}} {{instance}}',
            },
          ],
          below: 'red',
          thresholds: [{ from: 1, color: 'green' }],
          alerts: ['IngestGatewayDown', 'LagMonitorDown', 'ConsumerStalled'],
        },
        {
          kind: 'timeseries',
          title: 'Flow',
          description:
            'What comes in is appended to the log or dead-lettered at once; the stored line follows the appended one, later by the lag.',
          unit: 'cps',
          width: 24,
          queries: [
            { query: 'sum(rate(ingest_readings_decoded_total[$__rate_interval]))', legend: 'decoded' },
            { query: 'sum(rate(ingest_readings_appended_total[$__rate_interval]))', legend: 'appended' },
            { query: 'sum(rate(writer_readings_stored_total[$__rate_interval]))', legend: 'stored' },
            {
              query:
                '(sum(rate(ingest_dead_letters_total[$__rate_interval])) or vector(0)) + (sum(rate(writer_dead_letters_total[$__rate_interval])) or vector(0))',
              legend: 'dead-lettered',
            },
          ],
        },
      ],
    },
    {
      title: 'Is anything lost?',
      panels: [
        {
          kind: 'stat',
          title: 'Dead letters pending',
          description: 'Refused readings that nobody replayed or dismissed yet: npm run dlq -- stats.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(max by (reason) (dead_letters_pending))' }],
          thresholds: [{ from: 1, color: 'orange' }],
          alerts: ['DeadLetterRateHigh', 'DeadLettersExpiring'],
        },
        {
          kind: 'stat',
          title: 'Oldest pending letter is kept for',
          description: 'Then retention removes it, and its reading is lost for good.',
          unit: 's',
          width: 6,
          height: 4,
          queries: [{ query: 'min(dead_letters_oldest_pending_expiry_seconds)' }],
          below: 'red',
          thresholds: [
            { from: 3 * 86_400, color: 'orange' },
            { from: 7 * 86_400, color: 'green' },
          ],
          noValue: 'none is pending',
          alerts: ['DeadLettersExpiring'],
        },
        {
          kind: 'stat',
          title: 'Dead letters expired',
          description: 'Pending ones that retention removed in the time shown: readings lost for good.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(max by (reason) (increase(dead_letters_expired_total[$__range])))' }],
          thresholds: [{ from: 1, color: 'red' }],
          alerts: ['DeadLettersExpiring'],
        },
        {
          kind: 'stat',
          title: 'QoS 0 messages dropped',
          description:
            'In the time shown. QoS 0 carries no promise; QoS 1 and 2 messages are never dropped after their acknowledgement.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(increase(ingest_dropped_total[$__range]))' }],
          thresholds: [{ from: 1, color: 'orange' }],
          alerts: ['EventLogUnavailable'],
        },
        {
          kind: 'timeseries',
          title: 'Dead letters by reason',
          description: 'Refused by gateways and processors. The alert looks at 5 % of the readings.',
          unit: 'cps',
          width: 24,
          stacked: true,
          queries: [
            {
              query: 'sum by (reason) (rate(ingest_dead_letters_total[$__rate_interval]))',
              legend: 'gateway: {{reason}}',
            },
            {
              query: 'sum by (reason) (rate(writer_dead_letters_total[$__rate_interval]))',
              legend: 'processors: {{reason}}',
            },
          ],
          alerts: ['DeadLetterRateHigh'],
        },
      ],
    },
    {
      title: 'How late is it?',
      panels: [
        {
          kind: 'timeseries',
          title: 'From receipt to store',
          description: 'Time from the receipt of a message until its readings were stored.',
          unit: 's',
          width: 12,
          queries: [
            {
              query:
                'histogram_quantile(0.5, sum by (le) (rate(telemetry_age_seconds_bucket[$__rate_interval])))',
              legend: 'median',
            },
            {
              query:
                'histogram_quantile(0.99, sum by (le) (rate(telemetry_age_seconds_bucket[$__rate_interval])))',
              legend: '99 %',
            },
          ],
          alerts: ['ConsumerLagHigh'],
        },
        {
          kind: 'timeseries',
          title: 'Lag',
          description:
            'Age of the oldest record that is not committed yet. It grows by a second a second while every processor is dead.',
          unit: 's',
          width: 12,
          queries: [
            { query: 'consumergroup_topic:lag_seconds:max', legend: '{{consumergroup}} on {{topic}}' },
          ],
          thresholds: [
            { from: 120, color: 'orange' },
            { from: 300, color: 'red' },
          ],
          alerts: ['ConsumerLagHigh', 'ConsumerStalled', 'LagMonitorDown'],
        },
      ],
    },
    {
      title: 'Do the books close?',
      panels: [
        {
          kind: 'stat',
          title: 'Unaccounted in gateways',
          description:
            'Readings decoded that were neither appended nor dead-lettered nor are unconfirmed. Anything but 0 is a fault of the pipeline.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(instance:ingest_readings_unaccounted:abs)' }],
          thresholds: [{ from: 1, color: 'red' }],
          alerts: ['AccountingGap'],
        },
        {
          kind: 'stat',
          title: 'Unaccounted in processors',
          description: 'Readings consumed that were neither stored nor dead-lettered.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(instance:writer_readings_unaccounted:abs)' }],
          thresholds: [{ from: 1, color: 'red' }],
          alerts: ['AccountingGap'],
        },
        {
          kind: 'stat',
          title: 'Unconfirmed',
          description:
            'Handed to the log and not confirmed: in flight, or given up unacknowledged (their devices send again).',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'sum(ingest_readings_unconfirmed)' }],
          alerts: ['EventLogUnavailable'],
        },
        {
          kind: 'stat',
          title: 'Event log',
          description: '1: every process can write it.',
          unit: 'short',
          width: 6,
          height: 4,
          queries: [{ query: 'min(event_log_up)' }],
          below: 'red',
          thresholds: [{ from: 1, color: 'green' }],
          alerts: ['EventLogUnavailable'],
        },
      ],
    },
  ],
};
