import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeCredentials, readCredentials } from './credentials-file.ts';
import { hashPassword, type ScryptHash } from './password-hash.ts';

let folder: string;
let file: string;
let hash: ScryptHash;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'credentials-'));
  file = path.join(folder, 'devices.json');
  hash = await hashPassword(Buffer.from('x'), { n: 2, r: 1, p: 1 });
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('credentials file', () => {
  it('is created for its owner only, and read back', async () => {
    await changeCredentials(
      file,
      async (devices) => void devices.set('dev-2', hash).set('dev-3', 'revoked').set('dev-1', hash),
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect([...readCredentials(file)]).toEqual([
      ['dev-1', hash],
      ['dev-2', hash],
      ['dev-3', 'revoked'],
    ]);
    expect(readdirSync(folder)).toEqual(['devices.json']);
  });

  it('is made with its folder', async () => {
    const inside = path.join(folder, 'config', 'gateway', 'devices.json');
    await changeCredentials(inside, async (devices) => void devices.set('dev-1', hash));
    expect([...readCredentials(inside).keys()]).toEqual(['dev-1']);
  });

  it('says what a device may send, what it is called in the store, and that it has no password', async () => {
    const bridge = {
      ...hash,
      forwards: ['tele/#'],
      maxDevices: 20,
      limits: { messagesPerSecond: 5_000, burst: 50_000, inflightMessages: 10_000, inflightBytes: 1 << 26 },
      labels: { site: 'a', line: 'Werk 2' },
    };
    const certified = { algorithm: 'none', limits: { messagesPerSecond: 0.1 } } as const;
    await changeCredentials(
      file,
      async (devices) => void devices.set('bridge', bridge).set('certified', certified),
    );
    expect(Object.fromEntries(readCredentials(file))).toEqual({ bridge, certified });
  });

  it('stays as it was when a change fails', async () => {
    await changeCredentials(file, async (devices) => void devices.set('dev-1', hash));
    const failing = changeCredentials(file, async (devices) => {
      devices.clear();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect([...readCredentials(file).keys()]).toEqual(['dev-1']);
    expect(readdirSync(folder)).toEqual(['devices.json']);
  });

  it('that is a link stays one: what it leads to is changed', async () => {
    const target = path.join(folder, 'target.json');
    await changeCredentials(target, async (devices) => void devices.set('dev-1', hash));
    symlinkSync(target, file);
    await changeCredentials(file, async (devices) => void devices.set('dev-2', hash));
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect([...readCredentials(target).keys()]).toEqual(['dev-1', 'dev-2']);
    rmSync(target);
    await expect(changeCredentials(file, async () => undefined)).rejects.toThrow(
      'a link to a file that is not',
    );
  });

  it('keeps the mode that the operator gave it; one that everybody may write is refused', async () => {
    await changeCredentials(file, async (devices) => void devices.set('dev-1', hash));
    chmodSync(file, 0o640);
    await changeCredentials(file, async (devices) => void devices.set('dev-2', hash));
    expect(statSync(file).mode & 0o777).toBe(0o640);
    chmodSync(file, 0o666);
    expect(() => readCredentials(file)).toThrow('DEVICE_CREDENTIALS_FILE: everybody may write');
    await expect(changeCredentials(file, async () => undefined)).rejects.toThrow('chmod o-w');
  });

  it('takes one change at a time', async () => {
    const changing = changeCredentials(file, async (devices) => {
      await expect(changeCredentials(file, async () => undefined)).rejects.toThrow('another change of');
      devices.set('dev-1', hash);
    });
    await changing;
    expect(readCredentials(file).size).toBe(1);
  });

  it('that somebody was changing when they were killed can be changed at once', async () => {
    await changeCredentials(file, async (devices) => void devices.set('dev-1', hash));
    const script = `
      const { rewriteFile } = await import(process.argv[1]);
      await rewriteFile('X', process.argv[2], async () => {
        process.stdout.write('changing');
        // Somebody holds on to what it waits for, or all of it, the lock included, could be collected as garbage.
        return new Promise((resolve) => setInterval(() => process.env.NEVER && resolve(''), 1000));
      });`;
    const module = new URL('./rewrite-file.ts', import.meta.url).href;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, '--', module, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    writeFileSync(`${file}.new`, 'half of');
    await expect(changeCredentials(file, async () => undefined)).rejects.toThrow('another change of');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await changeCredentials(file, async (devices) => void devices.set('dev-2', hash));
    expect([...readCredentials(file).keys()]).toEqual(['dev-1', 'dev-2']);
    expect(readdirSync(folder)).toEqual(['devices.json']);
  });

  it('is not overwritten when it cannot be understood', async () => {
    writeFileSync(file, 'precious');
    await expect(changeCredentials(file, async () => undefined)).rejects.toThrow('DEVICE_CREDENTIALS_FILE');
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('[P10] says what is wrong, and quotes nothing of it', () => {
    const withTerms = (terms: object): string =>
      JSON.stringify({ version: 1, devices: { 'dev-1': { ...hash, ...terms } } });
    const broken = {
      'it is not JSON': '{"version": 1, "devices": {secret',
      'devices.a/b': JSON.stringify({ version: 1, devices: { 'a/b': hash } }),
      'devices.dev-2': JSON.stringify({ version: 1, devices: { 'dev-2': 'revoke' } }),
      'devices.dev-1.n': JSON.stringify({ version: 1, devices: { 'dev-1': { ...hash, n: 3 } } }),
      'must be at least 16 bytes': JSON.stringify({
        version: 1,
        devices: { 'dev-1': { ...hash, hash: Buffer.of(1).toString('base64') } },
      }),
      'must be at least 32 bytes': JSON.stringify({
        version: 1,
        devices: {
          'dev-1': { algorithm: 'hmac-sha256', salt: hash.salt, hash: Buffer.of(1).toString('base64') },
        },
      }),
      version: JSON.stringify({ version: 2, devices: {} }),
      'devices.dev-1.limits.burst must not be below': withTerms({
        limits: { messagesPerSecond: 5, burst: 4 },
      }),
      'devices.dev-1.limits.messagesPerSecond': withTerms({ limits: { messagesPerSecond: 0 } }),
      'devices.dev-1.limits Unrecognized key': withTerms({ limits: { messages: 1 } }),
      'devices.dev-1.labels "Site": must be a name': withTerms({ labels: { Site: 'a' } }),
      '; devices.dev-1.labels line: must be 1–64': withTerms({ labels: { Site: 'a', line: '' } }),
    };
    for (const [message, content] of Object.entries(broken)) {
      writeFileSync(file, content);
      expect(() => readCredentials(file)).toThrow(`DEVICE_CREDENTIALS_FILE: expected a credentials file`);
      expect(() => readCredentials(file)).toThrow(message);
      expect(() => readCredentials(file)).not.toThrow('secret');
    }
    expect(() => readCredentials(path.join(folder, 'missing.json'))).toThrow('ENOENT');
  });

  it('[P10] takes what an editor of Windows wrote, and refuses labels in another encoding', () => {
    const content = JSON.stringify({
      version: 1,
      devices: { 'dev-1': { algorithm: 'none', labels: { site: 'Köln' } } },
    });
    writeFileSync(file, `\uFEFF${content}\r\n`);
    expect(readCredentials(file).get('dev-1')).toMatchObject({ labels: { site: 'Köln' } });
    writeFileSync(file, Buffer.from(content, 'latin1'));
    expect(() => readCredentials(file)).toThrow('line 1 is not UTF-8 text');
  });
});
