import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundle } from '#deploy/build/bundle.ts';
import { BUILD_FILE, builtEntry, DIST, sourcesDigest } from '#runtime/built-entry.mjs';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const ROOT = path.join(import.meta.dirname, '..');
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const entries = Object.values(scripts).flatMap(
  (script) => / runtime\/start\.mjs (\S+)/.exec(script)?.[1] ?? [],
);
const run = promisify(execFile);

describe('what npm run build makes', () => {
  // Below the root, where packages are found; not `dist/`, from which other tests may be started meanwhile.
  let out = '';
  const built = (entry: string): string => path.join(ROOT, out, entry.replace(/\.ts$/, '.js'));

  beforeAll(async () => {
    mkdirSync(path.join(ROOT, 'data'), { recursive: true });
    out = path.relative(ROOT, mkdtempSync(path.join(ROOT, 'data', 'build-')));
    await bundle(ROOT, entries, out);
  });
  afterAll(() => rmSync(path.join(ROOT, out), { recursive: true, force: true }));

  test('every command explains itself', async () => {
    expect(entries.length).toBeGreaterThan(15);
    for (const entry of entries) {
      const { stdout } = await run(process.execPath, [built(entry), '--help']);
      expect(stdout, entry).toContain('Usage: ');
      expect(stdout, entry).toContain('\nExit codes: 0 ');
      if (!stdout.includes('\nCommands:\n')) expect(stdout, entry).toMatch(/\nExamples?:\n/);
      for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test('the pipeline takes readings and the simulator finds each of them in the store', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'built-'));
    const [mqttPort, httpPort] = await choosePorts([undefined, undefined]);
    const env = {
      DATA_DIR: dataDir,
      MQTT_PORT: String(mqttPort),
      HTTP_PORT: String(httpPort),
      LOG_LEVEL: 'warn',
    };
    const pipeline = spawn(process.execPath, [built('standalone/main.ts')], { env, stdio: 'inherit' });
    onTestFinished(async () => {
      await end(pipeline);
      rmSync(dataDir, { recursive: true, force: true });
    });
    await eventually(
      async () => expect(await fetch(`http://127.0.0.1:${httpPort}/readyz`)).toMatchObject({ ok: true }),
      { withinMs: 60_000 },
    );
    const url = `mqtt://127.0.0.1:${mqttPort}`;
    const args = ['--url', url, '--devices', '3', '--count', '20', '--rate', '50', '--verify', '--json'];
    const { stdout } = await run(process.execPath, [built('simulator/main.ts'), ...args], { env });
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      stored: 60,
      missing: 0,
      ok: true,
    });
    const exit = once(pipeline, 'exit');
    pipeline.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });
});

test('what was built is run only for the sources it was built of', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sources-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const source = path.join(root, 'standalone/main.ts');
  mkdirSync(path.dirname(source), { recursive: true });
  writeFileSync(source, 'one');
  expect(builtEntry(root, 'standalone/main.ts')).toBeUndefined();
  const sources = ['standalone/main.ts'];
  const build = { entries: sources, sources, digest: sourcesDigest(root, sources) };
  mkdirSync(path.join(root, DIST));
  writeFileSync(path.join(root, DIST, BUILD_FILE), JSON.stringify(build));
  expect(builtEntry(root, 'standalone/main.ts')).toBe('dist/standalone/main.js');
  expect(builtEntry(root, 'standalone/backup/main.ts')).toBeUndefined();
  writeFileSync(source, 'two');
  expect(builtEntry(root, 'standalone/main.ts')).toBeUndefined();
});

test('npm ci builds, and where that cannot be it says so and succeeds', async () => {
  const [, prepare = ''] = /^exec node (\S+)$/.exec(scripts['prepare'] ?? '') ?? [];
  const folder = mkdtempSync(path.join(tmpdir(), 'prepare-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  copyFileSync(path.join(ROOT, prepare), path.join(folder, 'prepare.mjs'));
  const prepared = () => run(process.execPath, [path.join(folder, 'prepare.mjs')]);

  writeFileSync(path.join(folder, 'main.ts'), "import 'a-development-tool'; process.stdout.write('built');");
  expect(await prepared()).toEqual({
    stdout: '',
    stderr: expect.stringMatching(/^Not built: .*a-development-tool/),
  });
  writeFileSync(path.join(folder, 'main.ts'), "process.stdout.write('built' satisfies string);");
  expect(await prepared()).toMatchObject({ stdout: 'built' });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
