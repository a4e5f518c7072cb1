import type { RowSpec } from './dashboard-spec.ts';
import { quantile, timeseries } from './timeseries.ts';

/** What the telemetry-writer does with what it consumed. */
export const STORE_ROW: RowSpec = {
  title: 'Store',
  panels: [
    timeseries({
      title: 'Readings stored by schema',
      description: 'Written and committed.',
      unit: 'cps',
      stacked: true,
      queries: [
        {
          query: 'sum by (schema) (rate(writer_readings_stored_total[$__rate_interval]))',
          legend: '{{schema}}',
        },
      ],
      alerts: ['StoreWritesFailing'],
    }),
    timeseries({
      title: 'Readings consumed and dead-lettered',
      description: 'What is consumed ends stored or dead-lettered; the books of each processor must close.',
      unit: 'cps',
      queries: [
        {
          query: 'sum(rate(writer_readings_consumed_total[$__rate_interval]))',
          legend: 'consumed',
        },
        {
          query: 'sum by (reason) (rate(writer_dead_letters_total[$__rate_interval]))',
          legend: 'dead-lettered: {{reason}}',
        },
      ],
      alerts: ['AccountingGap', 'DeadLetterRateHigh'],
    }),
    timeseries({
      title: 'Write duration',
      description: 'One write to the store, whatever its outcome.',
      unit: 's',
      queries: [
        { query: quantile(0.5, 'writer_write_seconds'), legend: 'median' },
        { query: quantile(0.99, 'writer_write_seconds'), legend: '99 %' },
      ],
      alerts: ['ConsumerLagHigh', 'StoreWritesFailing'],
    }),
    timeseries({
      title: 'Writes tried again, by cause',
      description:
        '"misconfigured" and "rejects-all" wait for a person; the others end by themselves when the store is back.',
      unit: 'cps',
      queries: [
        {
          query: 'sum by (cause) (rate(writer_write_retries_total[$__rate_interval]))',
          legend: '{{cause}}',
        },
      ],
      alerts: ['StoreWritesFailing'],
    }),
    timeseries({
      title: 'Points a write',
      description: 'Mean. Grows with the load, up to 5,000.',
      unit: 'short',
      queries: [
        {
          query:
            'sum by (instance) (rate(writer_batch_points_sum[$__rate_interval])) / sum by (instance) (rate(writer_batch_points_count[$__rate_interval]))',
          legend: '{{instance}}',
        },
      ],
    }),
    timeseries({
      title: 'From receipt to store',
      description:
        'Time from the receipt of a message until its readings were stored; replayed ones are left out.',
      unit: 's',
      queries: [
        { query: quantile(0.5, 'telemetry_age_seconds'), legend: 'median' },
        { query: quantile(0.99, 'telemetry_age_seconds'), legend: '99 %' },
      ],
      alerts: ['ConsumerLagHigh'],
    }),
  ],
};
