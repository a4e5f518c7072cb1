import { buildDashboard } from './build-dashboard.ts';
import type { DashboardSpec } from './dashboard-spec.ts';
import { DEVICES } from './devices.ts';
import { INGEST_GATEWAY } from './ingest-gateway.ts';
import { OVERVIEW } from './overview.ts';
import { PROCESSORS_AND_LAG } from './processors-and-lag.ts';

/** In the order in which somebody looks for what is wrong. */
export const DASHBOARDS: readonly DashboardSpec[] = [OVERVIEW, INGEST_GATEWAY, PROCESSORS_AND_LAG, DEVICES];

/** What Grafana loads, by path below the repository's root. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    DASHBOARDS.map((spec) => [
      `grafana/dashboards/${spec.uid.replace(/^telemetry-/, '')}.json`,
      `${JSON.stringify(buildDashboard(spec), withoutMenus, 2)}\n`,
    ]),
  );
}

/** The SDK moves links and annotations into a menu of newer Grafanas, out of sight. */
function withoutMenus(key: string, value: unknown): unknown {
  return key === 'placement' && value === 'inControlsMenu' ? undefined : value;
}
