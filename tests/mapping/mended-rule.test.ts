import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const rule = (pointer: string) => ({
  source: 'plant',
  rules: [
    {
      topic: 'plant/{device}/data',
      as: 'environment/2',
      device: '{device}',
      ts: 'received',
      values: { temperature: pointer },
    },
  ],
});

/**
 * Aim: a rule that is wrong costs no message: mended while the pipeline runs, what became letters is stored. Method: the
 * whole pipeline as one process, the command line beside it, as an operator would do it.
 */
it('[P2] a rule is mended while the pipeline runs; fresh messages are mapped by it, and a replay stores the letters', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mended-rule-'));
  const file = path.join(folder, 'plant.json');
  writeFileSync(file, JSON.stringify(rule('/temp')));
  const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
  const env = {
    DATA_DIR: path.join(folder, 'data'),
    MQTT_PORT: String(mqttPort),
    MAPPING_DIR: folder,
    LOG_LEVEL: 'warn',
  };
  const dlq = (...argv: string[]) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['processors/dead-letters/main.ts', ...argv, '--json'],
      { cwd: ROOT, env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' },
    );
    return {
      status,
      lines: stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    };
  };
  // Without keep-alive: while a command runs nothing here notices that the server has closed an idle connection.
  const get = async (route: string) =>
    (await (
      await fetch(`http://127.0.0.1:${httpPort}${route}`, { headers: { connection: 'close' } })
    ).json()) as {
      readonly checks: { readonly contract: unknown };
      readonly readings: unknown;
    };
  try {
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    const client = await connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { clientId: 'site-bridge' });
    const payload = JSON.stringify({ t: 21.5 });
    await client.publishAsync('plant/oven-1/data', payload, { qos: 1 });
    expect(dlq('list').lines).toMatchObject([
      { reason: 'mapping-failed', source: 'plant', rule: 'plant/{device}/data', topic: 'plant/oven-1/data' },
    ]);
    expect(dlq('replay', '--dry-run').lines.at(-1)).toMatchObject({ passed: 0, failedAgain: 1 });

    // Broken, then sound: what is broken stays without effect, and is told.
    writeFileSync(file, '{');
    await eventually(async () =>
      expect((await get('/readyz')).checks.contract).toMatchObject({
        up: false,
        detail: expect.stringContaining(`MAPPING_DIR: ${file}`),
      }),
    );
    writeFileSync(file, JSON.stringify(rule('/t')));
    await eventually(async () => expect((await get('/readyz')).checks.contract).toMatchObject({ up: true }));

    await client.publishAsync('plant/oven-2/data', payload, { qos: 1 });
    expect(dlq('replay').lines.at(-1)).toMatchObject({ letters: 1, passed: 1 });
    for (const device of ['oven-1', 'oven-2']) {
      await eventually(async () =>
        expect((await get(`/api/devices/${device}/readings`)).readings).toMatchObject([
          { schema: 'environment/2', values: { temperature: 21.5 } },
        ]),
      );
    }
    expect(dlq('list').lines).toEqual([]);
    expect(await get('/api/accounting')).toMatchObject({ decoded: 2, appended: 1, deadLettered: 1 });
    await client.endAsync();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
