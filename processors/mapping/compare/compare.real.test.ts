import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, inject, test } from 'vitest';
import { runMapping } from '#processors/mapping/command.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { required } from '#services/provide.ts';

const influxdb = inject('influxdb');
const START = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

/** What Telegraf writes, and what the telemetry-writer does. */
const THEIRS = [0, 1, 2].map((at) => `mqtt_consumer,host=a,topic=plant/1 temp=${at},open=true ${START + at}`);
const OURS = [0, 1].map(
  (at) =>
    `mqtt_consumer,device=1,topic=plant/1 temp=${at},open=true,schemaVersion=1i,schemaType="oven" ${START + at}`,
);

describe.skipIf('missing' in influxdb)('mapping compare on real InfluxDB', () => {
  test('counts what both chains stored, and ends with 1 while they differ', async () => {
    const { url, token, org } = required(influxdb);
    const write = async (bucket: string, lines: readonly string[]) => {
      const query = new URLSearchParams({ org, bucket, precision: 'ms' });
      const headers = { authorization: `Token ${token}` };
      const answer = await fetch(`${url}/api/v2/write?${query}`, {
        method: 'POST',
        headers,
        body: lines.join('\n'),
      });
      expect(answer.status).toBe(204);
    };
    const [theirs, ours] = ['theirs', 'ours'].map((name) => `${name}-${randomBytes(6).toString('hex')}`) as [
      string,
      string,
    ];
    for (const bucket of [theirs, ours])
      await influxDbApi(required(influxdb)).createBucket(bucket, { retentionSeconds: 604_800 });
    await write(theirs, THEIRS);
    await write(ours, OURS);
    const compare = async (...more: string[]) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const range = ['--from', new Date(START).toISOString(), '--to', new Date(START + 60_000).toISOString()];
      const code = await runMapping(
        {
          argv: ['compare', '--bucket', theirs, ...range, ...more],
          env: { INFLUX_URL: url, INFLUX_TOKEN: token, INFLUX_ORG: org, INFLUX_BUCKET: ours },
          stdout,
          stderr,
          signal: new AbortController().signal,
        },
        {
          now: Date.now,
          readFile: () => Buffer.alloc(0),
          openLog: () => Promise.reject(new Error('not asked for')),
        },
      );
      stdout.end();
      stderr.end();
      return { code, out: await text(stdout), err: await text(stderr) };
    };
    const before = await compare('--json', '--by', 'topic');
    expect(JSON.parse(before.out)).toMatchObject({
      same: false,
      counts: [
        { measurement: 'mqtt_consumer', field: 'open', tag: 'plant/1', theirs: 3, ours: 2 },
        { measurement: 'mqtt_consumer', field: 'temp', tag: 'plant/1', theirs: 3, ours: 2 },
      ],
    });
    expect(before.code).toBe(1);
    expect((await compare()).out).toContain('2 of 2 differ');
    await write(ours, [
      `mqtt_consumer,device=1,topic=plant/1 temp=2,open=true,schemaVersion=1i ${START + 2}`,
    ]);
    const after = await compare();
    expect(after.out).toContain('The same counts');
    expect(after.code).toBe(0);
  }, 120_000);
});
