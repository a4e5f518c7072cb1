import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { readSettings } from '#runtime/settings.ts';
import { readEnvFile } from '#tests/kubernetes.ts';

const ROOT = path.join(import.meta.dirname, '..');
const FOLDER = path.join(ROOT, 'deploy/systemd');
const UNIT = 'iot-telemetry@.service';
const INSTALLED = '/opt/iot-telemetry';
const unit = readFileSync(path.join(FOLDER, UNIT), 'utf8');
const instances = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.env'))
  .map((file) => path.basename(file, '.env'));

const hasSystemd = (() => {
  try {
    return execFileSync('systemd-analyze', ['--version']).length > 0;
  } catch {
    return false;
  }
})();
if (!hasSystemd && process.env.REQUIRE_REAL_SERVICES === '1') throw new Error('systemd is not installed');

test('there is an instance for the whole pipeline, and one for each of its parts', () => {
  expect(instances.sort()).toEqual(['gateway', 'lag-monitor', 'mqtt-source', 'pipeline', 'processors']);
});

test.each(instances)(
  '[P10] %s.env: its program is there, its variables are known and accepted together',
  (instance) => {
    const { MAIN, ...env } = readEnvFile(path.join(FOLDER, `${instance}.env`));
    expect(existsSync(path.join(ROOT, String(MAIN)))).toBe(true);
    const { settings, warnings } = readSettings(env, () => 'a-secret-of-more-than-16-characters');
    expect(warnings).toEqual([]);
    expect(settings.kafka === undefined).toBe(instance === 'pipeline');
  },
);

test('the unit lets a process end in order, and leaves wrong configuration alone', () => {
  const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
  expect(seconds * 1000).toBeGreaterThanOrEqual(2 * LIMITS.shutdownMs);
  expect(Number(/^LimitNOFILE=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(2 * LIMITS.connections);
  expect(unit).toMatch(/^RestartPreventExitStatus=2$/m);
  expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
});

describe.skipIf(!hasSystemd)('systemd-analyze', () => {
  test.each(instances)('verify accepts iot-telemetry@%s.service', (instance) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'systemd-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // It looks for the program, which is installed here.
    writeFileSync(path.join(folder, UNIT), unit.replaceAll(INSTALLED, ROOT));
    const file = path.join(folder, UNIT.replace('@', `@${instance}`));
    const output = execFileSync('sh', ['-c', 'systemd-analyze verify "$0" 2>&1', file], { encoding: 'utf8' });
    expect(output).toBe('');
  });
});

test('docs/operations.md tells the version of the embedded log that the code writes', () => {
  const code = readFileSync(path.join(ROOT, 'event-log/embedded/log-file.ts'), 'utf8');
  const version = /SCHEMA_VERSION = (\d+)/.exec(code)?.[1];
  expect(version).toBeDefined();
  expect(readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8')).toContain(`log ${version},`);
});

describe('iot-telemetry, the command', () => {
  /** With an npm that only tells how it was called. */
  function called(instance: string, ...command: string[]) {
    return calledWith(
      ['# KEY=in a comment', 'INFLUX_TOKEN=a$HOME`id`== "b', '', 'KAFKA_SASL_USERNAME=no end of line'].join(
        '\n',
      ),
      instance,
      ...command,
    );
  }

  function calledWith(
    settings: string,
    instance: string,
    ...command: string[]
  ): { readonly out: string; readonly code: number } {
    const folder = mkdtempSync(path.join(tmpdir(), 'iot-telemetry-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const told = 'printf "%s|" "$INFLUX_TOKEN" "$KAFKA_SASL_USERNAME" "$DATA_DIR" "$(basename "$PWD")" "$@"';
    writeFileSync(path.join(folder, 'npm'), `#!/bin/sh\n${told}\n`, { mode: 0o755 });
    writeFileSync(path.join(folder, 'pipeline.env'), settings);
    const { stdout, stderr, status } = spawnSync(
      'sh',
      [path.join(FOLDER, 'iot-telemetry'), instance, ...command],
      {
        encoding: 'utf8',
        env: {
          PATH: `${folder}:${process.env['PATH']}`,
          IOT_TELEMETRY_ETC: folder,
          IOT_TELEMETRY_USER: userInfo().username,
          IOT_TELEMETRY_HOME: ROOT,
        },
      },
    );
    return { out: `${stdout}${stderr}`, code: status ?? -1 };
  }

  test('reads the settings as systemd does, letter by letter, and keeps arguments apart', () => {
    const { out, code } = called('pipeline', 'dlq', 'list', '--device', 'a b');
    expect(code).toBe(0);
    expect(out.split('|')).toEqual([
      ...['a$HOME`id`== "b', 'no end of line', '/var/lib/iot-telemetry', path.basename(ROOT)],
      ...['run', '--silent', 'dlq', '--', 'list', '--device', 'a b', ''],
    ]);
  });

  test('leaves out what is no variable, and white space around what is', () => {
    const settings = [
      ...['; INFLUX_TOKEN=in a comment', 'not a name=1', 'KAFKA-BROKERS=a:1', '7=7', '=x', 'no assignment'],
      ...['  INFLUX_TOKEN = a  b \t', 'KAFKA_SASL_USERNAME=of Windows\r', ''],
    ];
    const { out, code } = calledWith(settings.join('\n'), 'pipeline', 'dlq');
    expect(code, out).toBe(0);
    expect(out.split('|').slice(0, 2)).toEqual(['a  b', 'of Windows']);
    expect(calledWith('', 'pipeline', 'dlq').code).toBe(0);
  });

  test.each([`"quoted"`, `'quoted'`, ` "of two\nlines"`, `a\\b`, 'goes on \\\nhere'])(
    '[P10] refuses what systemd would read as something else: %j',
    (value) => {
      const { out, code } = calledWith(`DATA_DIR=/x\nINFLUX_TOKEN=${value}\n`, 'pipeline', 'dlq');
      expect(code).toBe(2);
      expect(out).toContain('pipeline.env: INFLUX_TOKEN: expected a value without quotes around it');
      expect(out).not.toContain('dlq');
    },
  );

  test('[P10] says that there is no such instance', () => {
    expect(called('pipelines', 'dlq')).toEqual({
      code: 2,
      out: expect.stringContaining('pipelines.env: there is no such instance'),
    });
  });
});
