import type { InfluxDbAddress } from '#services/influxdb-api.ts';
import { type DashboardFile, type PanelQuery, queriesOf } from './dashboard-file.ts';
import { withVariables } from './promql.ts';

/** What Grafana puts in for `v`, but for the bucket. */
const TIMES: Readonly<Record<string, string>> = {
  'v.timeRangeStart': '-1h',
  'v.timeRangeStop': 'now()',
  'v.windowPeriod': '10s',
};

/** The Flux of all dashboards, their variables' queries included, with values put in: any device, any value, one type. */
export function fluxQueries(dashboards: ReadonlyMap<string, DashboardFile>): readonly PanelQuery[] {
  const ofVariables = [...dashboards.values()].flatMap(({ title, templating }) =>
    templating.list.flatMap(({ name, query }) =>
      typeof query === 'object' && query.query.includes('v.defaultBucket')
        ? [{ where: `${title}, variable ${name}`, query: query.query }]
        : [],
    ),
  );
  return [...ofVariables, ...queriesOf(dashboards, 'influxdb')].map(({ where, query }) => ({
    where,
    query: withVariables(query, { type: 'environment', device: '.*', field: '.*' }),
  }));
}

/** Runs Flux over the HTTP API, as Grafana does; one object for each row. @throws what InfluxDB says is wrong with it */
export async function askFlux(
  { url, token, org, bucket }: InfluxDbAddress & { readonly bucket: string },
  query: string,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const flux = query
    .replaceAll('v.defaultBucket', JSON.stringify(bucket))
    .replace(/v\.\w+/g, (name) => TIMES[name] ?? name);
  const response = await fetch(`${url}/api/v2/query?org=${encodeURIComponent(org)}`, {
    method: 'POST',
    headers: {
      authorization: `Token ${token}`,
      'content-type': 'application/vnd.flux',
      accept: 'application/csv',
    },
    body: flux,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${flux}\n${text}`);
  // Tables follow each other with an empty line between, each with its own header. No value here holds a comma.
  return text
    .split('\r\n\r\n')
    .map((table) => table.split('\r\n').filter((line) => line !== ''))
    .flatMap(([header = '', ...rows]) => {
      const columns = header.split(',');
      return rows.map((row) => {
        const cells = row.split(',');
        return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
      });
    });
}
