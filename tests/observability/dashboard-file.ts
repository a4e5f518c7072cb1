import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const GRAFANA_DIR = path.join(import.meta.dirname, '..', '..', 'grafana');

/** As much of a dashboard's JSON as the tests look at. */
export interface DashboardFile {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly annotations: { readonly list?: readonly { readonly expr?: string }[] };
  readonly panels: readonly PanelJson[];
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly links?: readonly { readonly url: string }[];
  readonly targets?: readonly { readonly refId: string; readonly expr?: string; readonly query?: string }[];
}

/** The dashboards as they are installed, by file name. */
export function readDashboards(): ReadonlyMap<string, DashboardFile> {
  const folder = path.join(GRAFANA_DIR, 'dashboards');
  return new Map(
    readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(path.join(folder, name), 'utf8'))]),
  );
}

/** A query of a panel, with where it stands, for the titles of tests. */
export interface PanelQuery {
  readonly where: string;
  readonly query: string;
}

export function queriesOf(
  dashboards: ReadonlyMap<string, DashboardFile>,
  source: 'prometheus' | 'influxdb',
): PanelQuery[] {
  return [...dashboards.values()].flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.datasource?.type === source ? (panel.targets ?? []) : []).map(({ refId, expr, query }) => ({
        where: `${title.replace('Telemetry: ', '')}, ${panel.title}, ${refId}`,
        query: (source === 'prometheus' ? expr : query) ?? '',
      })),
    ),
  );
}
