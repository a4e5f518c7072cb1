import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/** A process has to start. */
const PATIENCE = { withinMs: 60_000 };

test.skipIf(process.platform === 'win32')(
  'the process reads its files again upon SIGHUP and when they change, and a broken one ends nothing',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lag-monitor-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(path.join(folder, 'room'));
    const writeSchema = (text: string): void => writeFileSync(path.join(folder, 'room', '1.json'), text);
    writeSchema(
      '{"type":"object","properties":{"temperature":{"type":"number"}},"additionalProperties":false}',
    );
    const [port] = await choosePorts([undefined]);
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts')], {
      env: {
        PATH: process.env['PATH'],
        KAFKA_BROKERS: '127.0.0.1:1',
        HTTP_PORT: String(port),
        SCHEMA_DIR: folder,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const times = (message: string): number => output.split(`"msg":"${message}`).length - 1;
    const contract = async (): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`);
      return ((await response.json()) as { checks: { contract: unknown } }).checks.contract;
    };
    await eventually(async () => expect(await contract()).toEqual({ required: false, up: true }), PATIENCE);

    child.kill('SIGHUP');
    await eventually(() => expect(times('schemas and mappings were changed')).toBe(1), PATIENCE);
    expect(times('asked to read all files again')).toBe(1);

    writeSchema('{"type":"object"');
    await eventually(
      async () =>
        expect(await contract()).toMatchObject({ up: false, detail: expect.stringContaining('room/1.json') }),
      PATIENCE,
    );
    expect(child.exitCode).toBeNull();

    writeSchema('{"type":"object","properties":{"humidity":{"type":"number"}},"additionalProperties":false}');
    await eventually(async () => expect(await contract()).toMatchObject({ up: true }), PATIENCE);
    expect(times('asked to read all files again')).toBe(1);

    child.kill('SIGTERM');
    expect((await exit)[0]).toBe(0);
  },
);
