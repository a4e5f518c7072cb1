import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { buildPanel } from './build-panel.ts';
import type { DashboardSpec, VariableSpec } from './dashboard-spec.ts';

/** Where Grafana serves the runbooks: docker-compose.yml mounts docs/runbooks there. */
const RUNBOOKS = '/public/runbooks';
const TAG = 'telemetry-pipeline';

/** Grafana's JSON of a dashboard. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const dashboard = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags([TAG])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('10s')
    .time({ from: spec.from, to: 'now' })
    .link(
      new DashboardLinkBuilder('Telemetry')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .keepTime(true),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('Data source')
        .type(spec.source)
        // The one that provisioning/datasources makes.
        .current({ text: '', value: `telemetry-${spec.source}` }),
    );
  for (const variable of spec.variables) dashboard.withVariable(queryVariable(variable, spec));
  dashboard.withVariable(
    new TextBoxVariableBuilder('runbooks')
      .label('Address of the runbooks')
      .description('Links of the panels go there.')
      .defaultValue(RUNBOOKS)
      .current({ text: RUNBOOKS, value: RUNBOOKS })
      .hide(VariableHide.HideVariable),
  );
  if (spec.source === 'prometheus') dashboard.annotation(firingAlerts());
  let id = 0;
  for (const { title, panels } of spec.rows) {
    dashboard.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) dashboard.withPanel(buildPanel(panel, ++id, spec.source));
  }
  return dashboard.build();
}

function queryVariable({ name, label, query, several }: VariableSpec, { source }: DashboardSpec) {
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource({ type: source, uid: '$datasource' })
    .query(source === 'prometheus' ? { query, refId: name } : { query })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(several)
    .includeAll(several);
  return several
    ? variable.allValue('.*').current({ selected: true, text: 'All', value: '$__all' })
    : variable;
}

/** A vertical line where an alert began to fire, on every panel. */
function firingAlerts() {
  const query = {
    refId: 'Alerts',
    expr: 'ALERTS{alertstate="firing"}',
    _implementsDataqueryVariant: () => undefined,
  };
  const target: Builder<Dataquery> = { build: () => query };
  return new AnnotationQueryBuilder()
    .name('Alerts')
    .datasource({ type: 'prometheus', uid: '$datasource' })
    .enable(true)
    .iconColor('red')
    .expr(query.expr)
    .titleFormat('{{alertname}}')
    .textFormat('{{severity}} {{instance}}')
    .target(target);
}
