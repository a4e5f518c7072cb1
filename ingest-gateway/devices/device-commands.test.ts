import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '#runtime/command-line.ts';
import { readCredentials } from './credentials-file.ts';
import { deviceCommands } from './device-commands.ts';
import { type FastHash, type ScryptHash, verifyFast, verifyScrypt } from './password-hash.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'devices-'));
  file = path.join(folder, 'devices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function devices(
  argv: readonly string[],
  { stdin = '', env = { DEVICE_CREDENTIALS_FILE: file } as Record<string, string> } = {},
): Promise<{ code: number; out: string; err: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io = { argv, env, stdout, stderr, signal: new AbortController().signal };
  const code = await runCommand(
    deviceCommands(io, async () => stdin),
    io,
    { code: 0 },
  );
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

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
      out: '{"devices":["dev-2"],"revoked":["dev-1"]}\n',
    });
    expect(await devices(['list'])).toMatchObject({ out: 'dev-2\ndev-1 (revoked)\n' });
    await devices(['add', 'dev-1']);
    expect(await devices(['list'])).toMatchObject({ out: 'dev-1\ndev-2\n' });
  });

  it('takes ids that are properties of objects, or look like options', async () => {
    const ids = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '-', ':'];
    const added = await devices(['add', ...ids, '--json']);
    expect(added.code).toBe(0);
    const passwords = new Map(Object.entries(JSON.parse(added.out).devices as Record<string, string>));
    expect([...passwords.keys()]).toEqual(ids);
    for (const id of ids) {
      const kept = readCredentials(file).get(id);
      expect(verifyFast(Buffer.from(passwords.get(id) ?? ''), kept as FastHash)).toBe(true);
    }
    expect((await devices(['revoke', '__proto__'])).code).toBe(0);
    expect(readCredentials(file).get('__proto__')).toBe('revoked');
  });

  it('takes a chosen password from standard input and does not repeat it', async () => {
    const { out } = await devices(['add', 'dev-1', '--password-stdin'], { stdin: 'hunter2!\n' });
    expect(out).toBe('dev-1 (as given)\n');
    const kept = readCredentials(file).get('dev-1');
    expect(await verifyScrypt(Buffer.from('hunter2!'), kept as ScryptHash)).toBe(true);
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
});
