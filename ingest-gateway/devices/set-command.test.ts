import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCredentials } from './credentials-file.ts';
import { runDevices } from './testing/run-devices.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'devices-set-'));
  file = path.join(folder, 'devices.json');
  expect((await run('add', 'truck-1', '--label', 'site=a', '--label', 'line=2', '--burst', '500')).code).toBe(
    0,
  );
  expect((await run('add', 'truck-2')).code).toBe(0);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: string[]) => runDevices(argv, { env: { DEVICE_CREDENTIALS_FILE: file } });
const entry = (id: string) => readCredentials(file).get(id) as Record<string, unknown>;

describe('npm run devices -- set', () => {
  it('changes what is named, and neither the password nor the rest', async () => {
    const { hash, salt } = entry('truck-1');
    const done = await run(
      'set',
      'truck-1',
      '--label',
      'site=b',
      '--messages-per-second',
      '50',
      '--silent-after',
      '26h',
    );
    expect(done).toMatchObject({ code: 0, out: 'truck-1 changed\n' });
    expect(entry('truck-1')).toEqual({
      algorithm: 'hmac-sha256',
      hash,
      salt,
      labels: { site: 'b', line: '2' },
      limits: { burst: 500, messagesPerSecond: 50 },
      silentAfterSeconds: 26 * 60 * 60,
    });
  });

  it('takes away what is to be removed, one by one or whole', async () => {
    expect((await run('set', 'truck-1', '--remove', 'labels.line', 'limits')).code).toBe(0);
    expect(entry('truck-1')['labels']).toEqual({ site: 'a' });
    expect(entry('truck-1')['limits']).toBeUndefined();
    expect((await run('set', 'truck-1', '--remove', 'labels.site')).code).toBe(0);
    expect(entry('truck-1')['labels']).toBeUndefined();
  });

  it('does so for all devices, or for those of a list', async () => {
    expect((await run('set', '--all', '--label', 'country=de', '--json')).out).toBe(
      '{"changed":["truck-1","truck-2"]}\n',
    );
    const list = path.join(folder, 'list.csv');
    writeFileSync(list, 'id,labels.site,silentAfterSeconds\ntruck-2,c,0\n');
    expect((await run('set', '--from', list)).code).toBe(0);
    expect(entry('truck-2')).toMatchObject({ labels: { country: 'de', site: 'c' }, silentAfterSeconds: 0 });
  });

  it('changes nothing at all when something is wrong, and tells everything that is', async () => {
    const before = readFileSync(file, 'utf8');
    await run('revoke', 'truck-2');
    const revoked = readFileSync(file, 'utf8');
    const unknown = await run('set', 'truck-1', 'truck-2', 'nobody', '--label', 'site=z');
    expect(unknown).toMatchObject({ code: 2, out: '' });
    expect(unknown.err).toContain('truck-2: is revoked');
    expect(unknown.err).toContain('nobody: is not in the file');
    expect((await run('set', 'truck-1', '--messages-per-second', '501')).err).toContain(
      'truck-1: limits.burst',
    );
    expect((await run('set', 'truck-1', '--remove', 'hash')).err).toContain('there is no "hash"');
    expect((await run('set', 'truck-1')).code).toBe(2);
    expect((await run('set', '--label', 'site=z')).code).toBe(2);
    const list = path.join(folder, 'list.csv');
    writeFileSync(list, 'id,password\ntruck-1,correct horse\n');
    const withPassword = await run('set', '--from', list);
    expect(withPassword.err).toContain('truck-1 comes with a password');
    expect(withPassword.err).not.toContain('horse');
    expect(readFileSync(file, 'utf8')).toBe(revoked);
    expect(revoked).not.toBe(before);
  });
});
