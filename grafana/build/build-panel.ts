import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DataqueryBuilder as PrometheusQueryBuilder,
  PromQueryFormat,
} from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { DataSource, PanelSpec, QuerySpec } from './dashboard-spec.ts';

const DEFAULT_HEIGHT = 8;

export function buildPanel(spec: PanelSpec, id: number, source: DataSource): Builder<Panel> {
  const panel = { timeseries, stat, table }[spec.kind](spec, source);
  panel
    .id(id)
    .title(spec.title)
    .description(spec.description)
    .datasource({ type: source, uid: '$datasource' })
    .unit(spec.unit)
    .span(spec.width)
    .height(spec.height ?? DEFAULT_HEIGHT)
    .links(
      (spec.alerts ?? []).map((alert) =>
        new DashboardLinkBuilder(`Runbook: ${alert}`)
          .type(DashboardLinkType.Link)
          .url(`$runbooks/${alert}.md`)
          .targetBlank(true),
      ),
    );
  if (spec.noValue !== undefined) panel.noValue(spec.noValue);
  if (spec.thresholds !== undefined) {
    const steps = spec.thresholds.map(({ from, color }) => ({ value: from, color }));
    panel.thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps([{ value: null, color: spec.below ?? 'green' }, ...steps]),
    );
  }
  spec.queries.forEach((query, index) => {
    panel.withTarget(buildQuery(query, String.fromCharCode(65 + index), spec, source));
  });
  return panel;
}

function timeseries(spec: PanelSpec): TimeseriesBuilder {
  const panel = new TimeseriesBuilder()
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .showPoints(VisibilityMode.Never)
    .fillOpacity(spec.stacked ? 30 : 5);
  // Negative values would be faults of the query; from 0, a small change looks small.
  if (spec.unit !== 'none') panel.min(0);
  if (spec.stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (spec.thresholds !== undefined) {
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  return panel;
}

function stat(spec: PanelSpec): StatBuilder {
  return new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .colorMode(spec.thresholds === undefined ? BigValueColorMode.None : BigValueColorMode.Background)
    .graphMode(spec.thresholds === undefined ? BigValueGraphMode.Area : BigValueGraphMode.None);
}

function table(spec: PanelSpec, source: DataSource): TableBuilder {
  const panel = new TableBuilder().filterable(true);
  for (const [column, unit] of Object.entries(spec.columnUnits ?? {})) {
    panel.overrideByName(column, [{ id: 'unit', value: unit }]);
  }
  // PromQL gives a table a query: joined by their labels, each value column named like its query.
  if (source === 'prometheus') {
    const names = spec.queries.map(({ legend }, index) => [
      `Value #${String.fromCharCode(65 + index)}`,
      legend ?? '',
    ]);
    panel.transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: { excludeByName: { Time: true }, renameByName: Object.fromEntries(names) },
      },
    ]);
  }
  return panel;
}

function buildQuery(
  { query, legend }: QuerySpec,
  refId: string,
  { kind }: PanelSpec,
  source: DataSource,
): Builder<Dataquery> {
  if (source === 'prometheus') {
    const target = new PrometheusQueryBuilder()
      .refId(refId)
      .expr(query)
      .datasource({ type: source, uid: '$datasource' });
    if (kind === 'table') return target.instant().format(PromQueryFormat.Table);
    return target.range().legendFormat(legend ?? '__auto');
  }
  // The SDK has no builder for Flux.
  const target = {
    refId,
    query,
    datasource: { type: source, uid: '$datasource' },
    _implementsDataqueryVariant: () => undefined,
  };
  return { build: () => target };
}
