import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { runSimulator } from '#tests/run-simulator.ts';

/**
 * Aim: P1 and P2 on the embedded default. Method: a fleet that disconnects, duplicates and malforms publishes without a
 * pause while the pipeline is killed with SIGKILL at random moments and started again; then every reading that was
 * acknowledged must be in the store or among the dead letters, to the single (device, seq), with its values.
 * `CRASH_KILLS` sets how many (default 6).
 */
const kills = Number(process.env.CRASH_KILLS ?? 6);

describe('the pipeline under SIGKILL', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'crash-'));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it(`[P1] [P2] loses nothing acknowledged over ${kills} kills`, {
    timeout: 60_000 + kills * 20_000,
  }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
    const env = { DATA_DIR: dataDir, MQTT_PORT: String(mqttPort), LOG_LEVEL: 'warn' };
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();

    let done = false;
    const seconds = kills * 5 + 2;
    const run = runSimulator(
      [
        ...['--devices', '50', '--rate', '15', '--batch', '5', '--duration', String(seconds)],
        ...[
          '--malformed',
          '0.02',
          '--duplicate',
          '0.02',
          '--disconnect',
          '0.2',
          '--seed',
          String(seed),
          '--verify',
        ],
      ],
      env,
    ).finally(() => {
      done = true;
    });
    let killed = 0;
    while (killed < kills && !done) {
      await sleep(200 + Math.random() * 1500);
      await pipeline.kill();
      killed++;
      await pipeline.start();
    }
    const report = await run;
    process.stderr.write(`seed ${seed}, ${killed} kills: ${JSON.stringify(report)}\n`);
    // Where a start takes seconds, the devices are done before the last of them.
    expect(killed).toBeGreaterThanOrEqual(kills / 2);
    expect(report, `seed ${seed}`).toMatchObject({ missing: 0, ok: true });
    expect(report.acked).toBeGreaterThan(0);
    expect(report.stored + report.deadLettered).toBeGreaterThanOrEqual(report.acked);
    expect(await pipeline.stop()).toBe(0);
  });
});
