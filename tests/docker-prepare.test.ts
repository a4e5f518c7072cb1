import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { composeText } from '#tests/compose.ts';

const ROOT = path.join(import.meta.dirname, '..');
const SCRIPT = 'deploy/docker/prepare.sh';

/** A checkout of somebody with a strict umask, and the script run in it. */
function prepared(): { readonly folder: string; run(): void; env(): Map<string, string> } {
  const folder = mkdtempSync(path.join(tmpdir(), 'prepare-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of [SCRIPT, '.env.example', 'prometheus', 'grafana/dashboards', 'docs/runbooks']) {
    mkdirSync(path.dirname(path.join(folder, part)), { recursive: true });
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  }
  execFileSync('chmod', ['-R', 'go-rwx', folder]);
  const run = (): void => {
    execFileSync('sh', ['-c', `umask 077 && sh ${path.join(folder, SCRIPT)}`], { cwd: tmpdir() });
  };
  const env = (): Map<string, string> => {
    const lines = readFileSync(path.join(folder, '.env'), 'utf8').split('\n');
    return new Map(
      lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split('=') as [string, string]),
    );
  };
  run();
  return { folder, run, env };
}

function modeOf(...parts: string[]): string {
  return (statSync(path.join(...parts)).mode & 0o777).toString(8);
}

test('deploy/docker/prepare.sh sets every variable that docker-compose.yml asks for, secrets each of its own', () => {
  const env = prepared().env();
  const asked = new Set([...composeText().matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name));
  expect(new Set(env.keys())).toEqual(asked);
  expect([...env].filter(([, value]) => value === '')).toEqual([]);
  expect(env.get('KAFKA_CLUSTER_ID')).toMatch(/^[A-Za-z0-9]{22}$/);
  expect(env.get('CONFIG_OWNER')).toBe(`${userInfo().uid}:${userInfo().gid}`);
  const secrets = ['INFLUX_PASSWORD', 'INFLUX_TOKEN', 'GRAFANA_ADMIN_PASSWORD'].map((name) => env.get(name));
  for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{48}$/);
  expect(new Set(secrets).size).toBe(3);
});

test('secrets are for their owner; what other users of containers read is open to them', () => {
  const { folder } = prepared();
  expect(modeOf(folder, '.env')).toBe('600');
  expect(modeOf(folder, 'config')).toBe('700');
  expect(modeOf(folder, 'prometheus')).toBe('755');
  expect(modeOf(folder, 'prometheus/prometheus.yml')).toBe('644');
  expect(modeOf(folder, 'docs/runbooks/README.md')).toBe('644');
});

test('a second run changes nothing', () => {
  const { run, env } = prepared();
  const before = env();
  run();
  expect(env()).toEqual(before);
});

test('what an .env of an older version lacks is put into it, and what somebody wrote there stays', () => {
  const { folder, run, env } = prepared();
  const before = env();
  const file = path.join(folder, '.env');
  // The last line without its end, as some editors leave it.
  writeFileSync(file, `# mine\nINFLUX_TOKEN=a token of my own\nINFLUX_PASSWORD=\nMAPPINGS=tasmota`);
  run();
  const after = env();
  expect(after.get('INFLUX_TOKEN')).toBe('a token of my own');
  expect(after.get('MAPPINGS')).toBe('tasmota');
  expect([...after.keys()].sort()).toEqual([...before.keys(), 'MAPPINGS'].sort());
  expect([...after.values()]).not.toContain('');
  expect(readFileSync(file, 'utf8')).toMatch(/^# mine\nINFLUX_TOKEN=.*\nINFLUX_PASSWORD=[0-9a-f]{48}\n/);
  expect(modeOf(file)).toBe('600');
});

test.each([
  ['awk', 'MAPPINGS=tasmota\n'],
  ['sed', 'INFLUX_PASSWORD=\n'],
  ['od', 'INFLUX_PASSWORD=\n'],
  ['cat', undefined],
])('[P10] where %s fails, as on a full disk, it says so, and .env is as it was', (broken, text) => {
  const { folder } = prepared();
  const file = path.join(folder, '.env');
  if (text === undefined) rmSync(file);
  else writeFileSync(file, text);
  const tools = path.join(folder, 'tools');
  mkdirSync(tools);
  writeFileSync(path.join(tools, broken), '#!/bin/sh\necho "no space left" >&2\nexit 1\n', { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync('sh', [path.join(folder, SCRIPT)], {
    encoding: 'utf8',
    env: { PATH: `${tools}:${process.env['PATH']}` },
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('no space left');
  expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined).toBe(text);
  expect(existsSync(`${file}.new`)).toBe(false);
});

test('an .env that is a link stays one, and what it names keeps its mode', () => {
  const { folder, run, env } = prepared();
  const [link, file] = [path.join(folder, '.env'), path.join(folder, 'kept elsewhere')];
  renameSync(link, file);
  writeFileSync(file, 'MAPPINGS=tasmota\n');
  chmodSync(file, 0o640);
  symlinkSync(path.basename(file), link);
  run();
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(modeOf(file)).toBe('640');
  expect(env().get('MAPPINGS')).toBe('tasmota');
  expect(env().get('INFLUX_TOKEN')).toMatch(/^[0-9a-f]{48}$/);
});
