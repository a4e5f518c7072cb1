import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { runSimulator } from '#tests/run-simulator.ts';

const seed = String(Math.floor(Math.random() * 2 ** 31));
let folder: string;
let env: Record<string, string>;
let httpPort: number;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mqtt5-'));
  const ports = (await choosePorts([undefined, undefined])) as [number, number];
  httpPort = ports[1];
  env = { DATA_DIR: folder, MQTT_PORT: String(ports[0]), LOG_LEVEL: 'warn' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Readings since the pipeline started. */
async function appended(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/accounting`);
  return ((await response.json()) as { appended: number }).appended;
}

it.each(['1', '2'])(
  '[P1] [P2] [P8] QoS %s: MQTT 5 devices that misbehave, the pipeline killed three times, and the books close',
  async (qos) => {
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    const fleet = ['--mqtt-version', '5', '--devices', '40', '--count', '300', '--batch', '3', '--qos', qos];
    const conduct = ['--malformed', '0.05', '--duplicate', '0.05', '--disconnect', '0.3', '--rate', 'max'];
    const run = runSimulator([...fleet, ...conduct, '--seed', seed, '--verify'], env);
    for (let kills = 0; kills < 3; kills++) {
      await eventually(async () => expect(await appended()).toBeGreaterThan(200));
      await pipeline.kill();
      await pipeline.start();
    }
    const report = await run;
    process.stderr.write(`seed ${seed}: ${JSON.stringify(report)}\n`);
    expect(report, `seed ${seed}`).toMatchObject({ acked: report.sent, missing: 0, pending: 0, ok: true });
    expect(report.deadLettered).toBe(report.malformed);
  },
);
