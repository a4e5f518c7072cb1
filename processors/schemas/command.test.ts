import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredField, TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { runSchemas } from './command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'schemas-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, flow: object | string): void {
  const file = path.join(folder, 'schemas', `${name}.json`);
  mkdirSync(path.dirname(file), { recursive: true });
  const content = { type: 'object', additionalProperties: false, properties: { flow } };
  writeFileSync(file, typeof flow === 'string' ? flow : JSON.stringify(content));
}

async function check(args: readonly string[] = [], held: readonly StoredField[] = []) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = {
    argv: ['check', ...args],
    env: { SCHEMA_DIR: path.join(folder, 'schemas') },
    stdout,
    stderr,
    signal: new AbortController().signal,
  };
  const store = { fields: async () => held, [Symbol.asyncDispose]: async () => undefined };
  const code = await runSchemas(io, async () => store as unknown as TelemetryStore);
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('npm run schemas -- check', () => {
  test('[P10] tells everything that is wrong with the files, exit code 2', async () => {
    write('pump/1', '{');
    write('pump/2', { type: 'number' });
    write('pump/3', { type: 'integer' });
    const { code, out, err } = await check();
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/pump\/1\.json: /);
    expect(err).toMatch(/pump\/3\.json: property "flow" is integer here but float in .*pump\/2\.json/);
  });

  test('against a release at a tag, or in a folder: exit code 1 when a published version changed', async () => {
    write('pump/1', { type: 'number', maximum: 5 });
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        encoding: 'utf8',
      });
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'release');
    git('tag', 'v1');
    const kept = path.join(folder, 'kept');
    execFileSync('cp', ['-r', path.join(folder, 'schemas'), kept]);
    for (const against of ['v1', kept]) {
      expect(await check(['--against', against])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^All good/),
      });
    }
    write('pump/1', { type: 'number', maximum: 4 });
    write('pump/2', { type: 'number' });
    for (const against of ['v1', kept]) {
      const { code, out } = await check(['--against', against]);
      expect(code).toBe(1);
      expect(out).toMatch(/^pump\/1 +BREAKS +"flow": maximum was 5 and is 4: may refuse what was accepted$/m);
      expect(out).toMatch(/^pump\/2 +compatible +is new$/m);
      expect(out).not.toContain('environment');
    }
    const unknown = await check(['--against', 'v9']);
    expect(unknown).toMatchObject({
      code: 2,
      err: expect.stringContaining('neither a folder nor a git ref'),
    });
  });

  test('against what the store holds', async () => {
    write('pump/1', { type: 'number' });
    const held = [{ measurement: 'pump', name: 'flow', kind: 'integer' }] as const;
    expect((await check([], held)).code).toBe(0);
    const { code, out } = await check(['--store', '--json'], held);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      changes: [{ schema: 'pump/1', compatible: false, why: expect.stringContaining('in the store') }],
    });
  });
});
