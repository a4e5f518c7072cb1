/** What a dashboard is, apart from Grafana's JSON: that, and the tables of grafana/README.md, are made from it. */
export interface DashboardSpec {
  /** Name of its file, and end of its address. Never changed: bookmarks and links go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly source: DataSource;
  readonly variables: readonly VariableSpec[];
  /** Relative, as Grafana writes it: `now-1h`. */
  readonly from: string;
  readonly rows: readonly RowSpec[];
}

export type DataSource = 'prometheus' | 'influxdb';

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

export interface PanelSpec {
  readonly kind: 'timeseries' | 'stat' | 'table';
  readonly title: string;
  /** What it shows, and how to read it. */
  readonly description: string;
  /** A unit of Grafana's: `s`, `bytes`, `reqps`, … */
  readonly unit: string;
  readonly queries: readonly QuerySpec[];
  /** Of 24. */
  readonly width: number;
  readonly height?: number;
  /** From these values on the colour changes; ascending. Below the first it is green. */
  readonly thresholds?: readonly { readonly from: number; readonly color: 'green' | 'orange' | 'red' }[];
  /** Colour below the first threshold, where low values are the bad ones. */
  readonly below?: 'red' | 'orange';
  /** Alerts whose runbooks help when this looks wrong. */
  readonly alerts?: readonly string[];
  /** Shown instead of nothing. */
  readonly noValue?: string;
  readonly stacked?: boolean;
  /** Units of table columns that differ from `unit`. */
  readonly columnUnits?: Readonly<Record<string, string>>;
}

export interface QuerySpec {
  /** PromQL or Flux, as the dashboard's source has it. */
  readonly query: string;
  /** Name of each series; PromQL only. */
  readonly legend?: string;
}

export interface VariableSpec {
  readonly name: string;
  readonly label: string;
  /** PromQL's `label_values(…)`, or Flux. */
  readonly query: string;
  readonly several: boolean;
}
