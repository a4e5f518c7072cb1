import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startMosquitto } from '#services/mosquitto.ts';
import { missingReason, required } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

/*
 * Aim: what a broker in front acknowledged to its publisher is stored, whoever is killed.
 * Method: 200,000 messages with QoS 1, published to a real Mosquitto without a pause but one; the pipeline is killed in the
 * burst, then Mosquitto with tens of thousands of messages that it keeps. Mosquitto saves from time to time and acknowledges
 * at once, so what it acknowledged since the last save is its own to lose: it is made to save before it is killed.
 */
const provided = inject('mosquitto');
const MESSAGES = 200_000;
const DEVICES = 200;
const WINDOW = 2_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mqtt-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Publishes in order, with a window of unacknowledged messages. */
class Publisher {
  readonly #client: MqttClient;
  readonly #startedAt = Date.now() - 3_600_000;
  #next = 0;
  acknowledged = 0;

  constructor(client: MqttClient) {
    this.#client = client;
  }

  /** Resolves when so many are acknowledged in all. */
  async upTo(count: number): Promise<void> {
    const done = Promise.withResolvers<void>();
    const publishMore = (): void => {
      while (this.#next < count && this.#next - this.acknowledged < WINDOW) {
        const seq = this.#next++;
        const values = { temperature: 20 + (seq % 10), humidity: 40 };
        const reading = { schema: 'environment/1', ts: this.#startedAt + seq, seq, values };
        const topic = `devices/d${seq % DEVICES}/telemetry`;
        this.#client.publishAsync(topic, JSON.stringify(reading), { qos: 1 }).then(() => {
          this.acknowledged++;
          if (this.acknowledged === count) done.resolve();
          else publishMore();
        }, done.reject);
      }
    };
    publishMore();
    await done.promise;
  }
}

async function storedOf(httpPort: number, device: string): Promise<number> {
  const url = `http://127.0.0.1:${httpPort}/api/devices/${device}/readings?limit=10000`;
  const { readings } = (await (await fetch(url)).json()) as { readings: { seq: number }[] };
  return new Set(readings.map(({ seq }) => seq)).size;
}

describe.skipIf(missingReason(provided))('a broker in front', () => {
  test('[P1] [P2] 200,000 messages, the pipeline and the broker killed in turn: all that the broker acknowledged is stored', async () => {
    await using broker = await startMosquitto({
      command: required(provided).command,
      config: ['max_inflight_messages 1000', 'autosave_interval 1800'],
    });
    const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
    const env = {
      DATA_DIR: folder,
      MQTT_PORT: String(mqttPort),
      MQTT_SOURCE_URL: broker.url,
      LOG_LEVEL: 'warn',
    };
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    const metric = async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      return Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    await eventually(async () => expect(await metric('mqtt_source_connected')).toBe(1));

    const client = await connectAsync(broker.url, { reconnectPeriod: 100, clientId: 'publisher' });
    const publisher = new Publisher(client);
    const began = performance.now();
    const burst = publisher.upTo(MESSAGES / 2);
    await eventually(() => expect(publisher.acknowledged).toBeGreaterThan(MESSAGES / 4), {
      withinMs: 120_000,
    });
    await pipeline.kill();
    await burst;

    const savedBefore = statSync(broker.databaseFile, { throwIfNoEntry: false })?.ino;
    process.kill(broker.pid, 'SIGUSR1');
    await eventually(() => expect(statSync(broker.databaseFile).ino).not.toBe(savedBefore), {
      withinMs: 30_000,
    });
    await broker.kill();
    await broker.start();

    const rest = publisher.upTo(MESSAGES);
    await pipeline.start();
    await rest;
    expect(publisher.acknowledged).toBe(MESSAGES);
    await eventually(async () => expect(await storedOf(httpPort, 'd0')).toBe(MESSAGES / DEVICES), {
      withinMs: 120_000,
    });
    for (let device = 0; device < DEVICES; device++)
      await eventually(
        async () =>
          expect([device, await storedOf(httpPort, `d${device}`)]).toEqual([device, MESSAGES / DEVICES]),
        { withinMs: 60_000 },
      );
    const seconds = (performance.now() - began) / 1000;
    process.stderr.write(
      `${MESSAGES} messages stored ${seconds.toFixed(1)} s after the first was published\n`,
    );
    expect(await (await fetch(`http://127.0.0.1:${httpPort}/api/accounting`)).json()).toMatchObject({
      deadLettered: 0,
      unconfirmed: 0,
    });
    await client.endAsync(true);
  });
});
