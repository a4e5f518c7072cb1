import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { required } from '#services/provide.ts';
import { names, point, range, rejectedOf } from '#telemetry-store/suite/points.ts';
import type { Point } from '#telemetry-store/telemetry-store.ts';
import { openInfluxTelemetryStore } from './influx-telemetry-store.ts';
import { judgeAnswer } from './write-answer.ts';

const influxdb = inject('influxdb');
const RETENTION_S = 3_600;

// The rows of the table in write-answer.ts, as the real server gives them, and what the driver makes of them.
describe.skipIf('missing' in influxdb)('answers of a real InfluxDB', () => {
  const bucket = `answers-${randomBytes(6).toString('hex')}`;
  /** A file of InfluxDB holds an hour here, and what is wrong is judged file by file: the points below share one. */
  const now = Date.now() - (Date.now() % 3_600_000 < 20_000 ? 20_000 : 0);
  let api: ReturnType<typeof influxDbApi>;
  const requests: number[] = [];

  beforeAll(async () => {
    api = influxDbApi(required(influxdb));
    await api.createBucket(bucket, { retentionSeconds: RETENTION_S });
  });

  const judge = async (lines: string, to: { org?: string; bucket?: string; token?: string } = {}) => {
    const address = required(influxdb);
    const query = new URLSearchParams({
      org: to.org ?? address.org,
      bucket: to.bucket ?? bucket,
      precision: 'ms',
    });
    const response = await fetch(`${address.url}/api/v2/write?${query}`, {
      method: 'POST',
      headers: { authorization: `Token ${to.token ?? address.token}` },
      body: lines,
    });
    const body = await response.text();
    const verdict = judgeAnswer({ status: response.status, body, retryAfter: null }, now);
    return { status: response.status, ...verdict };
  };

  /** A store whose log lines tell how many requests a write took. */
  const open = (changes: { token?: string; bucket?: string; org?: string; url?: string } = {}) => {
    const destination = {
      write: (line: string) => {
        const { requests: count } = JSON.parse(line) as { requests?: number };
        if (count !== undefined) requests.push(count);
      },
    };
    const log = createLogger({ name: 'test', level: 'info' }, destination);
    return openInfluxTelemetryStore(
      { ...required(influxdb), bucket, ...changes },
      { log, now: () => Date.now() },
    );
  };

  test('204, 400, 422', async () => {
    const { measurement: m } = names();
    expect(await judge(`${m},device=a x=1,y=2i ${now}`)).toEqual({ status: 204, kind: 'stored' });
    const refusals = [
      [400, `${m},device=a x=oops ${now}`, 'unable to parse'],
      [400, `${m},device=a x=NaN ${now}`, 'unable to parse'],
      [400, `${m},device=a y=9223372036854775808i ${now}`, 'value out of range'],
      [400, `${'m'.repeat(70_000)},device=a x=1 ${now}`, 'max key length exceeded'],
      [422, `${m},device=a x="s" ${now}`, 'field type conflict'],
      [422, `${m},device=a x=1i,y=1 ${now}`, 'dropped=1'],
      [422, `${m},device=a x=1 ${now - 2 * RETENTION_S * 1000}`, 'outside retention policy'],
    ] as const;
    for (const [status, line, words] of refusals) {
      const verdict = await judge(line);
      expect(verdict).toMatchObject({ status, kind: 'refused' });
      expect(verdict).toHaveProperty('reason', expect.stringContaining(words));
    }
  });

  test('400: nothing is written, and every bad line is named', async () => {
    const { measurement: m } = names();
    const verdict = await judge(
      range(50)
        .map((i) => `${m},device=a x=${i % 2 ? 'oops' : '1'} ${now + i}`)
        .join('\n'),
    );
    expect(verdict.kind === 'refused' && verdict.reason.match(/unable to parse/g)).toHaveLength(25);
    expect(await open().latest('a', 100)).not.toContainEqual(expect.objectContaining({ schema: `${m}/1` }));
  });

  test('422: the count is only that of one cause, the reason to trust it only when it covers everything', async () => {
    const { measurement: m } = names();
    await judge(`${m},device=a x=1 ${now}`);
    const verdict = await judge(
      [`${m},device=a x="s" ${now}`, `${m},device=a x=1 ${now - 2 * RETENTION_S * 1000}`].join('\n'),
    );
    expect(verdict).toHaveProperty('reason', expect.stringContaining('dropped=1'));
  });

  test('401, 403, 404', async () => {
    const line = `m,device=a x=1 ${now}`;
    const readOnly = await api.createToken({ buckets: [bucket], read: true });
    expect(await judge(line, { token: 'none' })).toMatchObject({ status: 401, kind: 'misconfigured' });
    expect(await judge(line, { token: readOnly })).toMatchObject({ status: 403, kind: 'misconfigured' });
    expect(await judge(line, { bucket: 'no-such-bucket' })).toMatchObject({
      status: 404,
      kind: 'misconfigured',
    });
    expect(await judge(line, { org: 'no-such-org' })).toMatchObject({ status: 404, kind: 'misconfigured' });
  });

  test('wrong settings are no fault of a point: token, bucket, organisation, path', async () => {
    const { measurement, device } = names();
    const { url } = required(influxdb);
    for (const change of [{ token: 'x' }, { bucket: 'x' }, { org: 'x' }, { url: `${url}/elsewhere` }]) {
      const outcome = await open(change).write([point(measurement, device, now, { x: 1 })]);
      expect(outcome).toMatchObject({ kind: 'misconfigured' });
      // Known before there is anything to write.
      expect(await open(change).trouble()).toContain('check INFLUX_');
    }
  });

  test('a token that may only write is enough to write and to be alive', async () => {
    const { measurement, device } = names();
    const token = await api.createToken({ buckets: [bucket], write: true });
    await using store = open({ token });
    expect(await store.trouble()).toBeUndefined();
    expect(await store.write([point(measurement, device, now, { x: 1 })])).toEqual({
      kind: 'written',
      rejected: [],
    });
    // Reading must not look like an empty store.
    await expect(store.latest(device, 1)).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(open({ bucket: 'x' }).latest(device, 1)).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    await expect(open({ token: 'x' }).latest(device, 1)).rejects.toMatchObject({ code: 'store-unavailable' });
    const reader = open({ token: await api.createToken({ buckets: [bucket], read: true }) });
    expect(await reader.latest(device, 1)).toHaveLength(1);
  });

  test('an empty bucket is readable, and empty', async () => {
    const empty = `empty-${randomBytes(6).toString('hex')}`;
    await api.createBucket(empty);
    const store = open({ bucket: empty });
    expect(await store.latest('dev-1', 10)).toEqual([]);
    expect(await Array.fromAsync(store.scan({ fromMs: 0, toMs: now }))).toEqual([]);
  });

  describe('how many requests it takes to find what is refused', () => {
    const asText = (p: Point): Point => ({
      ...p,
      fields: p.fields.map((field) =>
        field.name === 'x' ? { name: 'x', kind: 'string', value: 'hot' } : field,
      ),
    });
    const writeWithBad = async (isBad: (i: number) => boolean) => {
      const { measurement, device } = names();
      const store = open();
      await store.write([point(measurement, device, now - 10_000, { x: 1 })]);
      const points = range(5_000).map((i) => point(measurement, device, now - i, { x: i }));
      requests.length = 0;
      const rejected = rejectedOf(await store.write(points.map((p, i) => (isBad(i) ? asText(p) : p))));
      expect(rejected.map(({ index }) => index)).toEqual(range(5_000).filter(isBad));
      expect(await store.latest(device, 10_000)).toHaveLength(5_001 - rejected.length);
      return requests[0] ?? 1;
    };

    test('[P5] one of 5,000: 3', async () => expect(await writeWithBad((i) => i === 1_234)).toBe(3));
    test('[P5] half of 5,000: 3', async () => expect(await writeWithBad((i) => i % 2 === 0)).toBe(3));
    test('all of 5,000: 1', async () => expect(await writeWithBad(() => true)).toBe(1));
  });
});
