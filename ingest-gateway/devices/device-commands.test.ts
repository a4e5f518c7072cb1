import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCredentials } from './credentials-file.ts';
import { type FastHash, generatePassword, type ScryptHash, verifyFast } from './password-hash.ts';
import { runDevices } from './testing/run-devices.ts';
import { verifySlow } from './verify-slow.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'devices-'));
  file = path.join(folder, 'devices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const devices = (
  argv: readonly string[],
  { stdin = '', env = { DEVICE_CREDENTIALS_FILE: file } as Record<string, string> } = {},
) => runDevices(argv, { stdin, env });

describe('npm run devices', () => {
  it('adds devices with passwords of their own, lists them, and revokes them', async () => {
    const added = await devices(['add', 'dev-1', 'dev-2', '--json']);
    expect(added.code).toBe(0);
    const passwords = JSON.parse(added.out).devices as Record<string, string>;
    for (const id of ['dev-1', 'dev-2']) {
      const kept = readCredentials(file).get(id);
      expect(verifyFast(Buffer.from(passwords[id] ?? ''), kept as FastHash)).toBe(true);
    }
    expect(await devices(['list'])).toMatchObject({ code: 0, out: 'dev-1\ndev-2\n' });
    expect(await devices(['revoke', 'dev-1'])).toMatchObject({ code: 0, out: 'dev-1 revoked\n' });
    expect(await devices(['list', '--json'])).toMatchObject({
      out: '{"devices":["dev-2"],"revoked":["dev-1"],"overlaps":{}}\n',
    });
    expect(await devices(['list'])).toMatchObject({ out: 'dev-2\ndev-1 (revoked)\n' });
    await devices(['add', 'dev-1']);
    expect(await devices(['list'])).toMatchObject({ out: 'dev-1\ndev-2\n' });
  });

  it('[P10] refuses names that are traps, and says why', async () => {
    const traps = [
      ['__proto__', 'a property of every JavaScript object'],
      ['constructor', 'a property of every JavaScript object'],
      ['-', '--from - reads a list from standard input'],
      [':', 'has no letter and no digit'],
    ] as const;
    for (const [id, why] of traps) {
      const { code, err } = await devices(['add', id]);
      expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    }
    const option = await devices(['add', '--', '-x']);
    expect([option.code, option.err]).toEqual([2, expect.stringContaining('taken for an option')]);
  });

  it('[P9] knows a device with such a name that somebody wrote into the file, and revokes it', async () => {
    const { hash } = generatePassword();
    const entry = JSON.stringify(hash);
    writeFileSync(file, `{"version": 1, "devices": {"__proto__": ${entry}, "constructor": ${entry}}}`);
    expect(await devices(['list'])).toMatchObject({ out: '__proto__\nconstructor\n' });
    expect((await devices(['revoke', '__proto__'])).code).toBe(0);
    expect(readCredentials(file).get('__proto__')).toBe('revoked');
    expect((await devices(['revoke', 'constructor', 'constructor'])).out).toBe('constructor revoked\n');
  });

  it('says what a device may send and what is said of it; one with a certificate needs no password', async () => {
    const options = [
      '--label',
      'site=a',
      '--label',
      'line=Werk 2',
      '--messages-per-second',
      '5',
      '--burst',
      '50',
    ];
    const { out } = await devices(['add', 'press-1', '--without-password', ...options]);
    expect(out).toBe('press-1 (no password)\n');
    expect(readCredentials(file).get('press-1')).toEqual({
      algorithm: 'none',
      labels: { site: 'a', line: 'Werk 2' },
      limits: { messagesPerSecond: 5, burst: 50 },
    });
    const wrong = await devices([
      'add',
      'press-2',
      '--label',
      'Site=a',
      '--messages-per-second',
      '9',
      '--burst',
      '1',
    ]);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('labels "Site": must be a name');
    expect(wrong.err).toContain('limits.burst must not be below');
  });

  it('takes a chosen password from standard input and does not repeat it', async () => {
    const { out } = await devices(['add', 'dev-1', '--password-stdin'], { stdin: 'hunter2!\n' });
    expect(out).toBe('dev-1 (as given)\n');
    const kept = readCredentials(file).get('dev-1');
    expect(await verifySlow(Buffer.from('hunter2!'), kept as ScryptHash)).toBe(true);
  });

  it('gives a bridge the right to publish for others', async () => {
    await devices(['add', 'bridge', '--forwards', 'zigbee2mqtt/#', 'tele/+/SENSOR']);
    expect(readCredentials(file).get('bridge')).toMatchObject({
      forwards: ['zigbee2mqtt/#', 'tele/+/SENSOR'],
    });
    const { code, err } = await devices(['add', 'bridge', '--forwards', 'a/#/b']);
    expect([code, err]).toEqual([2, expect.stringContaining('not a topic filter: "a/#/b"')]);
  });

  it('bounds the devices that a forwarder may name', async () => {
    await devices(['add', 'bridge-7', '--forwards', 'tele/+/SENSOR', '--max-devices', '500']);
    expect(readCredentials(file).get('bridge-7')).toMatchObject({
      forwards: ['tele/+/SENSOR'],
      maxDevices: 500,
    });
    // A new password without them is a new right.
    await devices(['add', 'bridge-7']);
    expect(readCredentials(file).get('bridge-7')).not.toHaveProperty('maxDevices');
  });

  it.each([
    [['--max-devices', '5'], '--max-devices: expected --forwards'],
    [['--forwards', '#', '--max-devices', '0'], '--max-devices'],
    [['--forwards', '#', '--max-devices', 'many'], '--max-devices'],
  ])('[P10] %j is wrong usage: exit code 2', async (argv, message) => {
    const { code, err } = await devices(['add', 'bridge-7', ...argv]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it('[P10] takes no password that is guessed in no time', async () => {
    for (const stdin of ['', '\n', 'x\n', 'hunter2\n', '🔑🔑🔑🔑🔑🔑🔑\n']) {
      const { code, err } = await devices(['add', 'dev-1', '--password-stdin'], { stdin });
      expect([code, err]).toEqual([2, expect.stringContaining('at least 8 characters')]);
    }
  });

  it('[P10] exits 2 with what is wrong', async () => {
    await devices(['add', 'dev-1']);
    const cases: [string[], string][] = [
      [['add', 'dev/1'], 'not a device id: "dev/1"'],
      [['add', '..'], 'not a device id: ".."'],
      [['add', 'a', 'b', '--password-stdin'], 'expected a single device'],
      [['revoke', 'dev-1', 'dev-9'], 'not in the file: dev-9'],
      [['unheard-of'], 'unknown command'],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await devices(argv);
      expect(code).toBe(2);
      expect(err).toContain(message);
    }
    expect([...readCredentials(file).keys()]).toEqual(['dev-1']);
    const noFile = await devices(['list'], { env: {} });
    expect(noFile).toMatchObject({ code: 2, err: expect.stringContaining('DEVICE_CREDENTIALS_FILE') });
  });

  it('tell that everybody may read the file, and say how to mend it', async () => {
    await devices(['add', 'dev-1']);
    expect((await devices(['list'])).err).toBe('');
    chmodSync(file, 0o644);
    expect((await devices(['list'])).err).toContain(`chmod o-r ${file}`);
  });
});
