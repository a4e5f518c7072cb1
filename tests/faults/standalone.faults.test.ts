import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { startInfluxDb } from '#services/influxdb.ts';
import { missingReason } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { runSimulator } from '#tests/run-simulator.ts';

const seed = String(Math.floor(Math.random() * 2 ** 31));
let folder: string;
let env: Record<string, string>;
let httpPort: number;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'standalone-'));
  const ports = (await choosePorts([undefined, undefined])) as [number, number];
  httpPort = ports[1];
  env = { DATA_DIR: folder, MQTT_PORT: String(ports[0]), LOG_LEVEL: 'warn' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('SIGTERM', () => {
  it('[P1] [P2] at full load: exit 0 within the deadline, and nothing acknowledged is missing', async () => {
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    const args = ['--devices', '50', '--count', '400', '--batch', '5', '--rate', 'max', '--seed', seed];
    const run = runSimulator([...args, '--verify'], env);
    for (let stops = 0; stops < 3; stops++) {
      await sleep(1500);
      const began = performance.now();
      expect(await pipeline.stop()).toBe(0);
      expect(performance.now() - began).toBeLessThan(LIMITS.shutdownMs + 2000);
      await pipeline.start();
    }
    const report = await run;
    process.stderr.write(`seed ${seed}: ${JSON.stringify(report)}\n`);
    expect(report, `seed ${seed}`).toMatchObject({ missing: 0, ok: true });
  });
});

describe.skipIf(missingReason(inject('influxdb')))('the site size', () => {
  it('[P2] [P6] stores everything after the database was away for thousands of messages', async () => {
    await using influxDb = await startInfluxDb();
    Object.assign(env, {
      INFLUX_URL: influxDb.url,
      INFLUX_TOKEN: influxDb.token,
      INFLUX_ORG: influxDb.org,
      INFLUX_BUCKET: influxDb.bucket,
    });
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    await influxDb.stop();

    // 4,000 messages, 400,000 readings: far more than any buffer in memory holds.
    const args = [
      '--devices',
      '20',
      '--count',
      '200',
      '--batch',
      '100',
      '--types',
      'environment',
      '--seed',
      seed,
    ];
    const sending = runSimulator([...args, '--ledger', path.join(folder, 'ledger')], env);
    const sent = await sending;
    expect(sent.acked).toBe(sent.sent);
    const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { checks: { telemetryWriter: { up: false } } },
    ]);

    await influxDb.start();
    const began = performance.now();
    const report = await runSimulator(
      ['verify', '--ledger', path.join(folder, 'ledger'), '--verify-timeout', '120'],
      env,
    );
    const seconds = (performance.now() - began) / 1000;
    process.stderr.write(
      `seed ${seed}: ${JSON.stringify(report)}, drained and verified in ${seconds.toFixed(1)} s\n`,
    );
    expect(report).toMatchObject({ missing: 0, ok: true, stored: sent.sent });
  });
});
