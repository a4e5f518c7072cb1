import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/**
 * Aim: whoever ends `npm start` ends the pipeline, in order. Method: a real npm and, for what a terminal does, a real
 * terminal (`script` of util-linux). An end in order shows in the files: SQLite takes its write-ahead log away when the
 * last connection is closed, and leaves it behind when the process dies.
 */
const ROOT = path.join(import.meta.dirname, '..');
const CTRL_C = '\x03';
const PATIENCE = { withinMs: 60_000 };

interface Started {
  readonly child: ChildProcess;
  output(): string;
  /** What `/readyz` says; `undefined` = nothing. */
  readiness(): Promise<unknown>;
  /** Resolves when the pipeline, whoever started it, has let go of its port and its files. */
  endedInOrder(): Promise<void>;
}

async function start(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'npm-scripts-'));
  const [mqttPort, httpPort] = await choosePorts([undefined, undefined]);
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: ROOT,
    // A process group of its own, so that a test that fails leaves nothing behind.
    detached: true,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATA_DIR: dataDir,
      MQTT_PORT: String(mqttPort),
      HTTP_PORT: String(httpPort),
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += String(chunk);
    });
  }
  onTestFinished(() => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
    rmSync(dataDir, { recursive: true, force: true });
  });
  const readiness = (): Promise<unknown> =>
    fetch(`http://127.0.0.1:${httpPort}/readyz`).then(
      (response) => response.json(),
      () => undefined,
    );
  const writeAheadLogs = () => readdirSync(dataDir).filter((name) => name.endsWith('-wal'));
  await eventually(async () => {
    expect(await readiness(), output).toMatchObject({ ready: true });
    expect(writeAheadLogs()).toHaveLength(2);
  }, PATIENCE);
  const endedInOrder = () =>
    eventually(async () => {
      expect(await readiness()).toBeUndefined();
      expect(writeAheadLogs()).toEqual([]);
    }, PATIENCE);
  return { child, output: () => output, readiness, endedInOrder };
}

const PIPELINE = ['node_modules/.bin/node', 'standalone/main.ts'] as const;

describe('npm start', () => {
  test('SIGTERM to npm ends the pipeline in order, before npm ends', async () => {
    const { child, output, endedInOrder } = await start(['npm', 'start']);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
    expect(() => process.kill(-(child.pid as number), 0), 'nothing is left of its group').toThrow('ESRCH');
    // The last of the output may come after the end of the process.
    await eventually(() => expect(output()).toContain('"msg":"stopped"'));
    await endedInOrder();
  });

  test.skipIf(process.platform === 'win32')(
    'SIGHUP to a service, which has no terminal, reads its files again and ends nothing',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'reload-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const devices = path.join(folder, 'devices.json');
      writeFileSync(devices, '{"version":1,"devices":{"dev-1":"revoked"}}', { mode: 0o600 });
      const { child, output, readiness, endedInOrder } = await start([...PIPELINE], {
        DEVICE_CREDENTIALS_FILE: devices,
      });
      const loaded = () => output().split('device credentials loaded').length - 1;
      await eventually(() => expect(loaded()).toBe(1), PATIENCE);
      child.kill('SIGHUP');
      await eventually(() => expect(loaded()).toBe(2), PATIENCE);
      writeFileSync(devices, '{');
      child.kill('SIGHUP');
      await eventually(
        async () =>
          expect(await readiness()).toMatchObject({ ready: true, checks: { files: { up: false } } }),
        PATIENCE,
      );
      expect(child.exitCode).toBeNull();
      child.kill('SIGTERM');
      await endedInOrder();
    },
  );

  describe.skipIf(process.platform !== 'linux')('in a terminal', () => {
    const inTerminal = () => start(['script', '--quiet', '--flush', '--command', 'npm start', '/dev/null']);

    test('Ctrl-C, which comes from the terminal and from npm, ends it in order', async () => {
      const { child, output, endedInOrder } = await inTerminal();
      child.stdin?.write(CTRL_C);
      await endedInOrder();
      await eventually(() => expect(output()).toMatch(/stopped/), PATIENCE);
    });

    test('SIGHUP by hand reads files again while the terminal is there, and its end is the end', async () => {
      const command = `echo "pid=$$."; exec ${PIPELINE.join(' ')}`;
      const { child, output, readiness, endedInOrder } = await start([
        ...['script', '--quiet', '--flush', '--command', command, '/dev/null'],
      ] as [string, ...string[]]);
      process.kill(Number(/pid=(\d+)\./.exec(output())?.[1]), 'SIGHUP');
      await eventually(() => expect(output()).toContain('asked to read all files again'), PATIENCE);
      expect(await readiness()).toMatchObject({ ready: true });
      child.kill('SIGKILL');
      await endedInOrder();
    });

    test('a terminal that is closed ends it in order, although nothing can be written any more', async () => {
      const { child, endedInOrder } = await inTerminal();
      child.kill('SIGKILL');
      await endedInOrder();
    });
  });
});

test('a script that runs for long is its process: no shell stands between npm and what it runs', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const others = Object.entries(scripts).filter(([, script]) => !script.startsWith('exec '));
  expect(others.map(([name]) => name).filter((name) => !/^(check(:\w+)?|fix)$/.test(name))).toEqual([]);
});
