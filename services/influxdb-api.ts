/** What a token may do: `read` and `write` default to false. */
export interface TokenScope {
  /** Names of buckets. */
  readonly buckets: readonly string[];
  readonly read?: boolean;
  readonly write?: boolean;
}

export interface InfluxDbAddress {
  readonly url: string;
  readonly token: string;
  readonly org: string;
}

/** The few calls of the management API that tests need; also for a server that we did not start. */
export function influxDbApi({ url, token, org }: InfluxDbAddress) {
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/api/v2/${path}`, {
      method,
      headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok)
      throw new Error(`InfluxDB: ${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const orgId = async () => {
    const { orgs } = await call<{ orgs: { id: string }[] }>('GET', `orgs?org=${encodeURIComponent(org)}`);
    return first(orgs, `organisation ${org}`).id;
  };
  const bucketId = async (name: string) => {
    const query = `buckets?org=${encodeURIComponent(org)}&name=${encodeURIComponent(name)}`;
    const { buckets } = await call<{ buckets: { id: string }[] }>('GET', query);
    return first(buckets, `bucket ${name}`).id;
  };

  return {
    createBucket: async (name: string, { retentionSeconds = 0 } = {}): Promise<string> => {
      const retentionRules =
        retentionSeconds === 0 ? [] : [{ type: 'expire', everySeconds: retentionSeconds }];
      return (await call<{ id: string }>('POST', 'buckets', { orgID: await orgId(), name, retentionRules }))
        .id;
    },
    createToken: async ({ buckets, read = false, write = false }: TokenScope): Promise<string> => {
      const orgID = await orgId();
      const ids = await Promise.all(buckets.map(bucketId));
      const actions = [...(read ? ['read'] : []), ...(write ? ['write'] : [])];
      const permissions = actions.flatMap((action) =>
        ids.map((id) => ({ action, resource: { type: 'buckets', id, orgID } })),
      );
      return (await call<{ token: string }>('POST', 'authorizations', { orgID, permissions })).token;
    },
  };
}

function first<T>(found: readonly T[], what: string): T {
  const [item] = found;
  if (item === undefined) throw new Error(`InfluxDB has no ${what}`);
  return item;
}
