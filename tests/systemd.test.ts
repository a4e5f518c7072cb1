import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
