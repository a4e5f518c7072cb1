import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PasswordCredential } from './credential.ts';
import { readCredentials } from './credentials-file.ts';
import { type FastHash, verifyFast } from './password-hash.ts';
import { runDevices } from './testing/run-devices.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
let folder: string;
let file: string;
let passwords: Record<string, string>;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rotate-'));
  file = path.join(folder, 'devices.json');
  const { out } = await run([
    'add',
    'dev-1',
    'dev-2',
    '--label',
    'site=a',
    '--burst',
    '500',
    '--silent-after',
    '26h',
    '--json',
  ]);
  passwords = JSON.parse(out).devices;
  await run(['add', 'gone', 'cert', '--without-password']);
  await run(['revoke', 'gone']);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (argv: readonly string[], { stdin = '', now = NOW } = {}) =>
  runDevices(argv, { stdin, env: { DEVICE_CREDENTIALS_FILE: file }, now: () => now });
const kept = (id: string) => readCredentials(file).get(id) as PasswordCredential;
const opens = (password: string | undefined, hash: object | undefined) =>
  verifyFast(Buffer.from(password ?? ''), hash as FastHash);

describe('npm run devices -- rotate', () => {
  it('gives another password, keeps the one before for a while, and all that is said of the device', async () => {
    const { code, out, err } = await run(['rotate', 'dev-1', '--overlap', '12h', '--json']);
    expect([code, err]).toEqual([0, expect.stringContaining('work until 2026-01-01T12:00:00.000Z')]);
    const { devices, rotated } = JSON.parse(out);
    expect(rotated).toBe(1);
    expect(opens(devices['dev-1'], kept('dev-1'))).toBe(true);
    expect(opens(passwords['dev-1'], kept('dev-1').previous?.password)).toBe(true);
    expect(kept('dev-1')).toMatchObject({
      labels: { site: 'a' },
      limits: { burst: 500 },
      silentAfterSeconds: 26 * 60 * 60,
      previous: { until: '2026-01-01T12:00:00.000Z' },
    });
    expect(opens(passwords['dev-2'], kept('dev-2'))).toBe(true);
    const listed = 'dev-1 (former password works until 2026-01-01T12:00:00.000Z)';
    expect((await run(['list'])).out).toContain(listed);
    expect((await run(['list'], { now: NOW + 12 * 3_600_000 })).out).not.toContain(listed);
  });

  it('keeps only one former password, and none with an overlap of 0', async () => {
    const first = JSON.parse((await run(['rotate', 'dev-1', '--json'])).out).devices;
    expect(kept('dev-1').previous?.until).toBe('2026-01-08T00:00:00.000Z');
    await run(['rotate', 'dev-1']);
    expect(opens(first['dev-1'], kept('dev-1').previous?.password)).toBe(true);
    await run(['rotate', 'dev-1', '--overlap', '0']);
    expect(kept('dev-1').previous).toBeUndefined();
  });

  it('of all devices leaves out those without a password', async () => {
    const secrets = path.join(folder, 'secrets');
    const { code, out } = await run(['rotate', '--all', '--secrets', secrets]);
    expect([code, out]).toEqual([0, '']);
    const lines = readFileSync(secrets, 'utf8').trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['dev-1', 'dev-2']);
    for (const line of lines) {
      const [id = '', password] = line.split(' ');
      expect(opens(password, kept(id))).toBe(true);
    }
    expect(readCredentials(file).get('gone')).toBe('revoked');
  });

  it('takes a list, with passwords of your own', async () => {
    const stdin = 'id,password\ndev-1,correct horse\ndev-2,\n';
    const { code, out } = await run(['rotate', '--from', '-'], { stdin });
    expect(code).toBe(0);
    expect(out).toMatch(/^dev-2 \S{32}\n$/);
    expect(kept('dev-1').algorithm).toBe('scrypt');
    expect(opens(passwords['dev-1'], kept('dev-1').previous?.password)).toBe(true);
  });

  it('[P10] changes nothing when one device cannot be rotated, and says which', async () => {
    const before = readFileSync(file, 'utf8');
    const { code, err } = await run(['rotate', 'dev-1', 'gone', 'cert', 'never']);
    expect(code).toBe(2);
    for (const why of ['gone is revoked', 'cert has no password', 'never is not in the file'])
      expect(err).toContain(why);
    const list = await run(['rotate', '--from', '-'], { stdin: 'id,labels.site\ndev-1,b\nnever,\n' });
    expect(list.err).toContain('-: line 2: dev-1: only the password is changed here');
    expect(list.err).toContain('-: line 3: never is not in the file');
    for (const argv of [['rotate'], ['rotate', 'dev-1', '--all'], ['rotate', 'dev-1', '--overlap', '91d']])
      expect((await run(argv)).code).toBe(2);
    for (const overlap of ['', '7', '7 d', '-1d', '1w'])
      expect((await run(['rotate', 'dev-1', `--overlap=${overlap}`])).code).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});
