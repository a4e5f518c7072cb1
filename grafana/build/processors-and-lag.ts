import type { DashboardSpec } from './dashboard-spec.ts';
import { LAG_ROW } from './lag-row.ts';
import { LOG_ROOM_ROW, PARTITIONS_ROW, SAFETY_ROW } from './log-rows.ts';
import { STORE_ROW } from './store-row.ts';

export const PROCESSORS_AND_LAG: DashboardSpec = {
  uid: 'telemetry-processors-and-lag',
  title: 'Telemetry: processors and lag',
  description: 'How far the processors are behind, whether they catch up, and what the store says.',
  source: 'prometheus',
  variables: [
    {
      name: 'consumergroup',
      label: 'Consumer group',
      query: 'label_values(kafka_consumergroup_lag, consumergroup)',
      several: true,
    },
  ],
  from: 'now-1h',
  rows: [LAG_ROW, STORE_ROW, LOG_ROOM_ROW, SAFETY_ROW, PARTITIONS_ROW],
};
