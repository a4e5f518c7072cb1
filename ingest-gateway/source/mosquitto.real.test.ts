import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { reading, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';
import { type MosquittoOptions, startMosquitto } from '#services/mosquitto.ts';
import { missingReason, required } from '#services/provide.ts';
import { startTestSource } from './testing/test-source.ts';

const provided = inject('mosquitto');
const VERSIONS = ['5', '3.1.1'] as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = (options: MosquittoOptions = {}) =>
  startMosquitto({ command: required(provided).command, ...options });

async function up({ gateway }: TestGateway): Promise<void> {
  await eventually(() => expect(gateway.readiness().source).toMatchObject({ up: true }));
}

/** Publishes with QoS 1, and waits for the broker's acknowledgements. */
async function publish(client: MqttClient, device: string, from: number, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, at) =>
    client.publishAsync(`devices/${device}/telemetry`, reading(from + at), { qos: 1 }),
  );
  await Promise.all(all);
}

const seqs = ({ log }: TestGateway) =>
  log.records.map(({ value }) => (JSON.parse(String(value)) as { seq: number }).seq);

describe.skipIf(missingReason(provided))('Mosquitto in front', () => {
  test.each(VERSIONS)(
    '[P2] MQTT %s: what came while we were away is handed over, in order, and nothing twice',
    async (version) => {
      await using broker = await start();
      await using publisher = await disposable(connectAsync(broker.url));
      {
        await using before = await startTestSource(broker.url, { version });
        await up(before);
        await publish(publisher.client, 'a', 0, 100);
        await eventually(() => expect(before.log.durable).toBe(100));
      }
      await publish(publisher.client, 'a', 100, 2_000);
      await using after = await startTestSource(broker.url, { version });
      await eventually(() => expect(after.log.durable).toBe(2_000), { withinMs: 60_000 });
      expect(seqs(after)).toEqual(Array.from({ length: 2_000 }, (_, at) => 100 + at));
      expect(await after.metric(`mqtt_source_redelivered_total{broker="127.0.0.1:${broker.port}"}`)).toBe(0);
    },
  );

  test('[P10] a wrong password is told in the words of the broker, and the right one connects', async () => {
    const passwords = path.join(folder, 'passwords');
    execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'pipeline', 'secret-1']);
    await using broker = await start({
      config: ['allow_anonymous false', `password_file ${passwords}`],
    });
    await using wrong = await startTestSource(broker.url, { username: 'pipeline', password: 'other' });
    await eventually(() =>
      expect(wrong.gateway.readiness().source?.detail).toMatch(/not authorized|bad user name/),
    );
    await using right = await startTestSource(broker.url, {
      clientId: 'source-2',
      username: 'pipeline',
      password: 'secret-1',
    });
    await up(right);
  });

  test('over TLS with a client certificate, and over WebSocket with and without TLS', async () => {
    const subjectAltName = 'IP:127.0.0.1,DNS:localhost';
    makeCertificate(folder, 'authority', { subjectAltName });
    makeCertificate(folder, 'server', { subjectAltName, authority: 'authority' });
    makeCertificate(folder, 'pipeline', { subjectAltName, authority: 'authority' });
    const file = (name: string) => path.join(folder, name);
    const [tls, ws, wss] = (await choosePorts([undefined, undefined, undefined])) as [number, number, number];
    const server = [
      `cafile ${file('authority.crt')}`,
      `certfile ${file('server.crt')}`,
      `keyfile ${file('server.key')}`,
      'require_certificate true',
    ];
    await using broker = await start({
      config: [
        `listener ${tls} 127.0.0.1`,
        ...server,
        `listener ${ws} 127.0.0.1`,
        'protocol websockets',
        `listener ${wss} 127.0.0.1`,
        'protocol websockets',
        ...server,
      ],
    });
    const files = {
      caFile: file('authority.crt'),
      certFile: file('pipeline.crt'),
      keyFile: file('pipeline.key'),
    };
    await using publisher = await disposable(connectAsync(broker.url));
    const urls = [`mqtts://127.0.0.1:${tls}`, `ws://127.0.0.1:${ws}/mqtt`, `wss://127.0.0.1:${wss}`];
    for (const [at, url] of urls.entries()) {
      await using under = await startTestSource(url, { ...files, clientId: `source-${at}` });
      await up(under);
      await publish(publisher.client, 'a', 0, 50);
      await eventually(() => expect(under.log.durable).toBe(50));
    }
    // Without our certificate the broker does not let us in.
    await using refused = await startTestSource(urls[0] as string, { caFile: file('authority.crt') });
    await eventually(() => expect(refused.gateway.readiness().source?.detail).toMatch(/closed|unreachable/));
  });

  test('[P2] a shared subscription parts the messages among several processes', async () => {
    await using broker = await start();
    const topics = ['$share/pipeline/devices/+/telemetry'];
    await using one = await startTestSource(broker.url, { topics, clientId: 'one' });
    await using two = await startTestSource(broker.url, { topics, clientId: 'two' });
    await Promise.all([up(one), up(two)]);
    await using publisher = await disposable(connectAsync(broker.url));
    await publish(publisher.client, 'a', 0, 1_000);
    await eventually(() => expect(one.log.durable + two.log.durable).toBe(1_000));
    expect(Math.min(one.log.durable, two.log.durable)).toBeGreaterThan(0);
    expect([...seqs(one), ...seqs(two)].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => at),
    );
  });

  test('a second process with the same client id is told', async () => {
    await using broker = await start();
    await using one = await startTestSource(broker.url);
    await up(one);
    await using two = await startTestSource(broker.url);
    await eventually(
      () =>
        expect([one, two].map(({ gateway }) => gateway.readiness().source?.detail).join()).toMatch(
          'another client may use the client id source-1',
        ),
      { withinMs: 60_000 },
    );
  });

  test('[P2] a broker that came back without what it had saved is told', async () => {
    await using broker = await start({ config: ['autosave_interval 1800'] });
    await using under = await startTestSource(broker.url);
    await up(under);
    await broker.kill();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(false));
    await broker.start();
    await up(under);
    expect(await under.metric(`mqtt_source_sessions_lost_total{broker="127.0.0.1:${broker.port}"}`)).toBe(1);
  });

  test.each(VERSIONS)('MQTT %s: what is retained comes once, however often we connect', async (version) => {
    await using broker = await start();
    await using publisher = await disposable(connectAsync(broker.url));
    await publisher.client.publishAsync('devices/a/telemetry', reading(1), { qos: 1, retain: true });
    await using under = await startTestSource(broker.url, { version, topics: ['devices/+/telemetry'] });
    await up(under);
    await eventually(() => expect(under.log.durable).toBe(1));
    // An orderly restart: the broker saves the session.
    await broker.stop();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(false));
    await broker.start();
    await up(under);
    await publisher.client.publishAsync('devices/a/telemetry', reading(2), { qos: 1 });
    await eventually(() => expect(seqs(under)).toEqual([1, 2]));
  });
});

async function disposable(
  connecting: Promise<MqttClient>,
): Promise<AsyncDisposable & { readonly client: MqttClient }> {
  const client = await connecting;
  return { client, [Symbol.asyncDispose]: () => client.endAsync(true) };
}
