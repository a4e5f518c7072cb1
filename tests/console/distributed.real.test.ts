import { randomBytes } from 'node:crypto';
import { describe, expect, inject, test } from 'vitest';
import type { Job, JobStarted, LettersPage } from '#console/api/dead-letters.ts';
import type { DeviceStory, DevicesPage } from '#console/api/devices.ts';
import type { Flow } from '#console/api/flow.ts';
import type { TraceAnswer } from '#console/api/trace.ts';
import { publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

const PATIENCE = { withinMs: 90_000 };
const TOKEN = 'a-token-of-all-processes';
const PASSWORD = 'correct horse battery';

/**
 * Aim: the console of a distributed pipeline tells what its processes tell, and mends what they refused. Method: gateway,
 * processors, lag monitor and console as processes, on a real Kafka and a real InfluxDB.
 */
describe.skipIf(missingReason(inject('kafka'), inject('influxdb')))(
  'the console of a distributed pipeline',
  () => {
    test('agrees with the metrics of its targets, finds readings, mends letters', {
      timeout: 300_000,
    }, async () => {
      const name = `console-${randomBytes(4).toString('hex')}`;
      const { url, token, org } = required(inject('influxdb'));
      await influxDbApi({ url, token, org }).createBucket(name);
      const ports = (await choosePorts([undefined, undefined, undefined, undefined, undefined])) as number[];
      const [mqttPort, gatewayPort, writerPort, lagPort, consolePort] = ports as [
        number,
        number,
        number,
        number,
        number,
      ];
      const targets = [gatewayPort, writerPort, lagPort].map((port) => `http://127.0.0.1:${port}`);
      const env = {
        KAFKA_BROKERS: required(inject('kafka')).brokers.join(','),
        INFLUX_URL: url,
        INFLUX_TOKEN: token,
        INFLUX_ORG: org,
        INFLUX_BUCKET: name,
        TELEMETRY_TOPIC: name,
        DEAD_LETTER_TOPIC: `${name}.dlq`,
        DEAD_LETTER_STATE_TOPIC: `${name}.state`,
        CONSUMER_GROUP: name,
        TOPIC_PARTITIONS: '2',
        HTTP_TOKEN: TOKEN,
        CONSOLE_PASSWORD: PASSWORD,
        CONSOLE_TARGETS: targets.join(','),
        MQTT_PORT: String(mqttPort),
        LOG_LEVEL: 'warn',
      };
      await using resources = new AsyncDisposableStack();
      const start = (entry: string, httpPort: number) =>
        resources.use(new PipelineProcess({ command: [entry], env, httpPort })).start();
      await start('ingest-gateway/main.ts', gatewayPort);
      await start('processors/telemetry-writer/main.ts', writerPort);
      await start('processors/lag-monitor/main.ts', lagPort);
      await start('console/server/main.ts', consolePort);

      const headers = { authorization: `Bearer ${PASSWORD}` };
      const api = `http://127.0.0.1:${consolePort}/api/v1`;
      const get = async <Answer>(path: string): Promise<Answer> => {
        const answer = await fetch(`${api}${path}`, { headers });
        expect(answer.status, path).toBe(200);
        return (await answer.json()) as Answer;
      };
      const metric = async (port: number, series: string): Promise<number> => {
        const asked = { headers: { authorization: `Bearer ${TOKEN}` } };
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, asked)).text();
        const lines = text
          .split('\n')
          .filter((line) => line.startsWith(`${series} `) || line.startsWith(`${series}{`));
        return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
      };
      expect((await fetch(`${api}/flow`)).status).toBe(401);

      const client = await eventually(() => RawClient.device(mqttPort, 'dev-1'), PATIENCE);
      const ts = Date.now();
      const reading = (seq: number, temperature: unknown) =>
        JSON.stringify({ schema: 'environment/1', ts: ts + seq, seq, values: { temperature, humidity: 44 } });
      for (const [id, payload] of [reading(1, 20), reading(2, 'hot'), reading(4, 22)].entries()) {
        client.send(publishPacket('dev-1', payload, id + 1));
        await client.next();
      }

      const flow = await eventually(async () => {
        const now = await get<Flow>('/flow');
        expect(now.books.writer).toMatchObject({ consumed: 2, stored: 2, closes: true });
        expect(now.deadLetters).toEqual({ pending: 1 });
        expect(now.lag?.records).toBe(0);
        return now;
      }, PATIENCE);
      expect(flow.mode).toBe('distributed');
      expect(flow.targets.map(({ up }) => up)).toEqual([true, true, true]);
      expect(flow.books.gateway).toMatchObject({ decoded: 3, appended: 2, deadLettered: 1, closes: true });
      expect(await metric(gatewayPort, 'ingest_readings_decoded_total')).toBe(3);
      expect(await metric(writerPort, 'writer_readings_stored_total')).toBe(2);
      expect((await get<DevicesPage>('/devices')).devices).toMatchObject([
        { id: 'dev-1', connected: true, accepted: 2, refused: 1 },
      ]);
      const story = await get<DeviceStory>('/devices/dev-1');
      expect(story.connections).toMatchObject([{ event: 'connect' }]);
      expect(story.gaps).toMatchObject([{ from: 2, to: 3, missing: 2 }]);

      expect((await get<TraceAnswer>('/trace?device=dev-1&seq=1')).verdict).toBe('stored');
      const { letters } = await get<LettersPage>('/dead-letters');
      expect(letters).toMatchObject([{ device: 'dev-1', reason: 'schema-violation', status: 'pending' }]);
      const answer = await fetch(`${api}/dead-letters/submit`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ id: letters[0]?.id, payload: reading(2, 21), dryRun: false }),
      });
      const { job } = (await answer.json()) as JobStarted;
      await eventually(
        async () =>
          expect(await get<Job>(`/jobs/${job}`)).toMatchObject({ state: 'done', counts: { recovered: 1 } }),
        PATIENCE,
      );
      await eventually(
        async () => expect((await get<TraceAnswer>('/trace?device=dev-1&seq=2')).verdict).toBe('stored'),
        PATIENCE,
      );
    });
  },
);
