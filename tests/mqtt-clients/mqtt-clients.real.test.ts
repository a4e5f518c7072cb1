import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { RecordPosition } from '#contract/log-record.ts';
import { changeCredentials } from '#ingest-gateway/devices/credentials-file.ts';
import { ControllableEventLog } from '#ingest-gateway/testing/controllable-event-log.ts';
import { startTestGateway, TEST_TOPICS } from '#ingest-gateway/testing/test-gateway.ts';
import { SeverableProxy } from '#processors/telemetry-writer/testing/severable-proxy.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';
import type { MqttClientCommands } from '#services/mqtt-clients.ts';
import { missingReason, required } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { type ClientTask, ForeignClient } from './foreign-client.ts';

const provided = inject('mqttClients');
const TRANSPORTS = ['mqtt', 'mqtts', 'ws', 'wss'] as const;
type Transport = (typeof TRANSPORTS)[number];
type ClientName = keyof MqttClientCommands | 'MQTT.js';
const CLIENTS: Readonly<Record<ClientName, readonly Transport[]>> = {
  'MQTT.js': TRANSPORTS,
  'paho-mqtt': TRANSPORTS,
  'paho.golang': TRANSPORTS,
  rumqttc: TRANSPORTS,
  gmqtt: ['mqtt', 'mqtts'],
};
const EACH = Object.keys(CLIENTS) as ClientName[];
/**
 * Of how many readings one is bad. rumqttc 0.25 counts a message whose PUBREC refuses it as in flight for ever, and stalls
 * when there are as many as its Receive Maximum. It gets one of those, the very first. (What it loses after a cut, and how its
 * device prevents that, stands at `take_back` in `services/mqtt-clients/rust`.)
 */
const badEvery = (name: ClientName): number => (name === 'rumqttc' ? 1_000_000 : 10);
/** What it says of a bad one. paho-mqtt does not look at PUBREC, sends PUBREL, and tells the code of PUBCOMP. */
const refusedCode = (name: ClientName, qos: number): number =>
  name === 'paho-mqtt' && qos === 2 ? 0x92 : 0x99;
const EACH_QOS = EACH.flatMap((name) => [1, 2].map((qos) => [name, qos] as const));
const PATIENCE = { withinMs: 60_000 };
/** At most this many of it wait for the log: it is told a Receive Maximum of 8. */
const FEW = { inflightMessages: 10 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mqtt-clients-'));
  const subjectAltName = 'DNS:localhost,IP:127.0.0.1';
  makeCertificate(folder, 'authority', { subjectAltName });
  makeCertificate(folder, 'server', { subjectAltName, authority: 'authority' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inFolder = (name: string): string => path.join(folder, name);

function run(name: ClientName, task: Omit<ClientTask, 'badEvery'>): ForeignClient {
  const ours = [process.execPath, path.join(import.meta.dirname, 'main.ts')] as const;
  const command = name === 'MQTT.js' ? ours : required(provided)[name];
  return new ForeignClient(command, { ...task, badEvery: badEvery(name) });
}

/** What a client sends, and is to be told. */
function expectation(name: ClientName, qos: number, count: number) {
  const every = badEvery(name);
  const seqs = Array.from({ length: count }, (_, seq) => seq);
  const bad = new Set(seqs.filter((seq) => seq % every === 0));
  const good = new Set(seqs.filter((seq) => seq % every !== 0));
  const toBeTold = ({ codes, codeOfSeq, sessions }: ForeignClient): void => {
    expect(codes).toHaveLength(count);
    // Cut, it may have released a message whose PUBCOMP was lost: the second one is 0x92, and some clients tell that.
    if (qos === 2 && sessions.length > 1) return;
    const refused = refusedCode(name, qos);
    for (const [seq, code] of codeOfSeq) expect(code, `seq ${seq}`).toBe(bad.has(seq) ? refused : 0);
    // gmqtt tells none.
    const told = codes.filter((code) => code !== undefined);
    if (told.length > 0) expect(told.filter((code) => code === refused)).toHaveLength(bad.size);
  };
  return { good, bad, toBeTold };
}

/** Holds what comes when so much is durable. */
class HoldingLog extends ControllableEventLog {
  holdAt = Number.POSITIVE_INFINITY;

  override append(...args: Parameters<ControllableEventLog['append']>): Promise<RecordPosition> {
    if (this.durable >= this.holdAt) this.hold();
    return super.append(...args);
  }
}

const seqsOf = (log: ControllableEventLog, id: string, topic: string): Set<number> =>
  new Set(
    log.records
      .filter((record) => record.key === id && record.topic === topic)
      .map(({ value }) => (JSON.parse(String(value)) as { seq: number }).seq),
  );

describe.skipIf(missingReason(provided))('MQTT 5 clients that we did not write', () => {
  it.each(EACH)(
    '[P1] [P8] %s over each transport it has, with QoS 0, 1, 2, a topic alias and a small Receive Maximum',
    async (name) => {
      const credentialsFile = inFolder(`${name}.json`);
      const ids = CLIENTS[name].flatMap((transport) => [0, 1, 2].map((qos) => `${transport}-${qos}`));
      await changeCredentials(credentialsFile, async (devices) => {
        for (const id of ids) devices.set(id, { algorithm: 'none', limits: FEW });
      });
      const files = { certFile: inFolder('server.crt'), keyFile: inFolder('server.key') };
      await using test = await startTestGateway({
        mqtt: { credentialsFile, webSocketPort: 0, tls: { port: 0, webSocketPort: 0, ...files } },
      });
      const { ports } = test.gateway;
      const url = {
        mqtt: `mqtt://localhost:${ports.tcp}`,
        mqtts: `mqtts://localhost:${ports.tls}`,
        ws: `ws://localhost:${ports.webSocket}/mqtt`,
        wss: `wss://localhost:${ports.secureWebSocket}/mqtt`,
      };
      const count = 100;
      for (const transport of CLIENTS[name])
        for (const qos of [0, 1, 2]) {
          const id = `${transport}-${qos}`;
          const { good, bad, toBeTold } = expectation(name, qos, count);
          const caFile = transport === 'mqtts' || transport === 'wss' ? inFolder('authority.crt') : undefined;
          await using client = run(name, { url: url[transport], caFile, id, qos, count });
          await client.done();
          expect(client.sessions, id).toEqual([false]);
          const kept = () => seqsOf(test.log, id, TEST_TOPICS.telemetry);
          if (qos === 0) {
            // Best effort. paho.golang says PINGREQ at once and closes without the PINGRESP: upon that its kernel resets the
            // connection and forgets what it has not sent. All that it had sent was read (seen in traces of TLS and WebSocket).
            await eventually(() => expect(kept().size, id).toBeGreaterThan(0));
            expect(
              [...kept()].filter((seq) => !good.has(seq)),
              id,
            ).toEqual([]);
            continue;
          }
          toBeTold(client);
          await eventually(() => expect(kept(), id).toEqual(good));
          expect(seqsOf(test.log, id, TEST_TOPICS.deadLetters), id).toEqual(bad);
        }
      await eventually(async () => {
        const received = await test.metric('ingest_messages_total{qos="0",version="5"}');
        const dropped = await test.metric('ingest_dropped_total{reason="connection-ended"}');
        const kept = test.log.records.filter(({ key }) => key?.endsWith('-0')).length;
        expect(kept + (dropped ?? NaN)).toBe(received);
      });
      expect(await test.metric('ingest_refused_total{reason="protocol-error"}')).toBe(0);
    },
  );

  it.each(EACH_QOS)(
    '[P2] %s, QoS %i: cut in the middle, its session is present, and it goes on where it was',
    async (name, qos) => {
      const log = new HoldingLog();
      const credentialsFile = inFolder('dev-1.json');
      await changeCredentials(credentialsFile, async (devices) => {
        devices.set('dev-1', { algorithm: 'none', limits: FEW });
      });
      await using test = await startTestGateway({ mqtt: { credentialsFile } }, { eventLog: log });
      const way = await SeverableProxy.to(new URL(`http://127.0.0.1:${test.port}`));
      const count = 800;
      const { good, bad, toBeTold } = expectation(name, qos, count);
      const url = way.url.replace('http', 'mqtt');
      try {
        log.holdAt = 200;
        await using client = run(name, { url, id: 'dev-1', qos, count });
        for (let cuts = 1; cuts <= 3; cuts++) {
          await eventually(() => expect(log.waiting.length).toBeGreaterThan(0));
          await way.cut();
          log.holdAt = cuts < 3 ? log.holdAt + 200 : Number.POSITIVE_INFINITY;
          log.release();
          await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
          await way.restore();
        }
        await client.done();
        expect(client.sessions).toEqual([false, true, true, true]);
        toBeTold(client);
        expect(seqsOf(log, 'dev-1', TEST_TOPICS.telemetry)).toEqual(good);
        expect(seqsOf(log, 'dev-1', TEST_TOPICS.deadLetters)).toEqual(bad);
        expect(await test.metric('ingest_refused_total{reason="protocol-error"}')).toBe(0);
      } finally {
        await way.close();
      }
    },
  );

  it('[P2] [P8] the pipeline is killed under all of them, and every reading is stored or a dead letter', async () => {
    const data = mkdtempSync(inFolder('data-'));
    const [port, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
    const DEVICE_CREDENTIALS_FILE = path.join(data, 'devices.json');
    const devices = EACH.flatMap((name) => [1, 2].map((qos) => ({ name, qos, id: `${name}-${qos}` })));
    await changeCredentials(DEVICE_CREDENTIALS_FILE, async (all) => {
      // So that the fastest is still on its way when the slowest has begun.
      const limits = { ...FEW, messagesPerSecond: 100, burst: 200 };
      for (const { id } of devices) all.set(id, { algorithm: 'none', limits });
    });
    const files = { DATA_DIR: data, DEVICE_CREDENTIALS_FILE };
    const env = { ...files, ALLOW_ANONYMOUS: 'true', MQTT_PORT: String(port), LOG_LEVEL: 'warn' };
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    await using running = new AsyncDisposableStack();
    const url = `mqtt://127.0.0.1:${port}`;
    const count = 1_000;
    const clients = devices.map((device) => ({
      ...device,
      client: running.use(run(device.name, { url, id: device.id, qos: device.qos, count })),
    }));
    await eventually(() => {
      for (const { id, client } of clients) expect(client.codes.length, id).toBeGreaterThan(100);
    }, PATIENCE);
    await pipeline.kill();
    const cut = clients.filter(({ client }) => client.codes.length < count);
    expect(cut.length).toBeGreaterThan(0);
    await pipeline.start();
    await Promise.all(clients.map(({ client }) => client.done()));
    for (const { id, client } of cut) expect(client.sessions.length, id).toBeGreaterThan(1);
    for (const { name, qos, id, client } of clients) {
      // Sessions are kept in memory.
      expect(client.sessions, id).not.toContain(true);
      const { good, toBeTold } = expectation(name, qos, count);
      toBeTold(client);
      const api = `http://127.0.0.1:${httpPort}/api/devices/${id}/readings?limit=10000`;
      await eventually(async () => {
        const { readings } = (await (await fetch(api)).json()) as { readings: { seq: number }[] };
        expect(new Set(readings.map(({ seq }) => seq)), id).toEqual(good);
      }, PATIENCE);
    }
  });
});
