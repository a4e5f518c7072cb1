import type { PanelSpec } from './dashboard-spec.ts';

/** A panel of curves, half as wide as the dashboard unless told otherwise. */
export function timeseries(
  panel: Omit<PanelSpec, 'kind' | 'width'> & { readonly width?: number },
): PanelSpec {
  return { kind: 'timeseries', width: 12, ...panel };
}

/** The PromQL of a quantile of a histogram, of the time between two points of the curve. */
export function quantile(share: number, histogram: string, selector = ''): string {
  return `histogram_quantile(${share}, sum by (le) (rate(${histogram}_bucket${selector}[$__rate_interval])))`;
}
