import type { InfluxAddress } from './telegraf-config.ts';

/** How many readings a bucket holds, by their sequence numbers. */
export async function readingsIn({ influxUrl, token, org, bucket }: InfluxAddress): Promise<number> {
  const query = `from(bucket: "${bucket}") |> range(start: 0) |> filter(fn: (r) => r._field == "seq") |> count() |> group() |> sum()`;
  const response = await fetch(`${influxUrl}/api/v2/query?org=${encodeURIComponent(org)}`, {
    method: 'POST',
    headers: {
      authorization: `Token ${token}`,
      'content-type': 'application/vnd.flux',
      accept: 'application/csv',
    },
    body: query,
  });
  const rows = (await response.text()).trim().split(/\r?\n/);
  const column = rows[0]?.split(',').indexOf('_value') ?? -1;
  return rows.length < 2 ? 0 : Number(rows[1]?.split(',')[column]);
}
