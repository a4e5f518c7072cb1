import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { runCommand } from '#runtime/command-line.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { banCommands } from './ban-commands.ts';
import { type Ban, changeBans, isNetwork, readBans, withBan } from './bans-file.ts';
import { FLAPPING_LIMITS, FlappingWatch } from './flapping.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bans-'));
  file = path.join(folder, 'bans.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function bans(
  argv: readonly string[],
  now = Date.now,
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { argv, env: {}, stdout, stderr, signal: new AbortController().signal };
  const code = await runCommand(banCommands(io, { defaultFile: file, now }), io, { code: 0 });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const start = (): Promise<TestGateway> => startTestGateway({ mqtt: { bansFile: file } });

async function returnCode(test: TestGateway, id: string): Promise<number | undefined> {
  const client = await RawClient.open(test.port);
  client.send(connectPacket(id));
  const connack = await client.next();
  client.socket.destroy();
  return connack?.cmd === 'connack' ? connack.returnCode : undefined;
}

describe('a list of bans', () => {
  const ban = (device: string, by: Ban['by'], until?: string): Ban => ({
    device,
    since: '2026-01-01T00:00:00.000Z',
    ...(until !== undefined && { until }),
    reason: 'x',
    by,
  });

  it('keeps what an operator said, whatever the gateway finds about the same device', () => {
    const forEver = ban('dev-1', 'operator');
    expect(withBan([forEver], ban('dev-1', 'gateway', '2026-01-01T00:01:00.000Z'))).toEqual([forEver]);
    expect(withBan([ban('dev-1', 'gateway')], forEver)).toEqual([forEver]);
  });

  it('[P10] stays one that can be read, however many clients flap: the oldest that the gateway found make room', async () => {
    const most = 10_000;
    await changeBans(file, 0, () => Array.from({ length: most - 1 }, (_, i) => ban(`flaps-${i}`, 'gateway')));
    for (const more of [ban('dev-1', 'operator'), ban('dev-2', 'gateway'), ban('dev-3', 'operator')])
      await changeBans(file, 0, (bans) => withBan(bans, more));
    const list = readBans(file);
    expect(list).toHaveLength(most);
    expect(list.slice(0, 1)).toMatchObject([{ device: 'flaps-2' }]);
    expect(list.slice(-3)).toMatchObject([{ device: 'dev-1' }, { device: 'dev-2' }, { device: 'dev-3' }]);
    const operators = Array.from({ length: most + 1 }, (_, i) => ban(`dev-${i}`, 'operator'));
    await expect(changeBans(file, 0, () => operators)).rejects.toThrow('room for 10000');
    expect(readBans(file)).toEqual(list);
  });
});

describe('npm run bans', () => {
  it('adds, lists and removes devices, addresses and networks', async () => {
    expect(await bans(['list'])).toMatchObject({ code: 0, out: 'nobody is banned\n' });
    await bans(['add', 'dev-1', 'dev-2', '--reason', 'stolen']);
    await bans(['add', '--address', '192.0.2.0/24', '2001:db8::1', '--hours', '2']);
    const { out } = await bans(['list', '--json']);
    expect(JSON.parse(out).bans).toMatchObject([
      { device: 'dev-1', reason: 'stolen', by: 'operator' },
      { device: 'dev-2' },
      { address: '192.0.2.0/24', until: expect.any(String) },
      { address: '2001:db8::1' },
    ]);
    expect(await bans(['remove', 'dev-1', '192.0.2.0/24'])).toMatchObject({ code: 0 });
    expect(readBans(file)).toHaveLength(2);
    expect((await bans(['list'])).out).toContain('device dev-2  for ever  "stolen", by operator');
  });

  it('[P10] takes no time that is over at once, or that no clock shows, and tells a device from an address', async () => {
    for (const hours of ['0', '1e300', '-1'])
      expect(await bans(['add', 'dev-1', '--hours', hours])).toMatchObject({
        code: 2,
        err: expect.stringContaining('expected a number from 0.01 to 876000'),
      });
    expect(await bans(['add', '192.0.2.7'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('device 192.0.2.7'),
      err: expect.stringContaining('--address: 192.0.2.7'),
    });
  });

  it('forgets bans that are over, and replaces one of the same', async () => {
    await bans(['add', 'dev-1', '--hours', '1']);
    await bans(['add', 'dev-1', '--hours', '3']);
    expect(readBans(file)).toHaveLength(1);
    const later = () => Date.now() + 2 * 3_600_000;
    expect((await bans(['list'], later)).out).toContain('dev-1');
    const muchLater = () => Date.now() + 4 * 3_600_000;
    expect((await bans(['list'], muchLater)).out).toBe('nobody is banned\n');
    await bans(['add', 'dev-2'], muchLater);
    expect(readBans(file).map(({ device }) => device)).toEqual(['dev-2']);
  });

  it('[P10] exits 2 with what is wrong', async () => {
    const cases: [string[], string][] = [
      [['add', 'dev/1'], 'not a device id: "dev/1"'],
      [['add', '--address', 'example.com'], 'not an address or network: "example.com"'],
      [['add', '--address', '192.0.2.0/33'], 'not an address'],
      [['remove', 'dev-9'], 'not banned: dev-9'],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await bans(argv);
      expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    }
    for (const content of ['{', '{"version":1,"bans":[{}]}', '{"version":2,"bans":[]}']) {
      writeFileSync(file, content);
      expect(await bans(['list'])).toMatchObject({ code: 2, err: expect.stringContaining('BANS_FILE') });
    }
    chmodSync(file, 0o666);
    expect(await bans(['list'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('everybody may write'),
    });
  });
});

it.each([
  ['192.0.2.1', true],
  ['192.0.2.0/0', true],
  ['::1', true],
  ['2001:db8::/128', true],
  ['', false],
  ['192.0.2', false],
  ['192.0.2.1/', false],
  ['192.0.2.1/24/8', false],
  ['192.0.2.1/33', false],
  ['::/129', false],
])('%j is an address or network: %j', (text, is) => {
  expect(isNetwork(text)).toBe(is);
});

describe('a ban [P9]', () => {
  it('of a device ends its connection and keeps it out, until it is removed', async () => {
    await using test = await start();
    const banned = await RawClient.device(test.port, 'dev-1');
    const other = await RawClient.device(test.port, 'dev-2');
    await bans(['add', 'dev-1']);
    await banned.closed;
    expect(await returnCode(test, 'dev-1')).toBe(5);
    expect(await test.metric('ingest_refused_total{reason="banned"}')).toBe(2);
    other.send({ cmd: 'pingreq' });
    expect(await other.next()).toMatchObject({ cmd: 'pingresp' });
    await bans(['remove', 'dev-1']);
    await eventually(async () => expect(await returnCode(test, 'dev-1')).toBe(0));
  });

  it('of a network ends its connections, and nothing is answered to it', async () => {
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1');
    await bans(['add', '--address', '127.0.0.0/8']);
    await client.closed;
    expect(await returnCode(test, 'dev-1')).toBeUndefined();
  });

  it('in a file that cannot be used stays as it was', async () => {
    await bans(['add', 'dev-1']);
    await using test = await start();
    writeFileSync(file, 'nonsense');
    await eventually(() => expect(test.lines.join('')).toContain('list of bans cannot be used'));
    expect(await returnCode(test, 'dev-1')).toBe(5);
    await expect(start()).rejects.toMatchObject({ code: 'configuration' });
  });

  it('comes by itself to a device that connects over and over, is seen in the list, and can be removed', async () => {
    await using test = await startTestGateway({ mqtt: { bansFile: file }, limits: { connectsPerMinute: 3 } });
    for (let i = 0; i < 3; i++) expect(await returnCode(test, 'dev-1')).toBe(0);
    const flapping = await RawClient.device(test.port, 'dev-1');
    await flapping.closed;
    expect(await returnCode(test, 'dev-1')).toBe(5);
    expect(await returnCode(test, 'dev-2')).toBe(0);
    await eventually(() =>
      expect(readBans(file)).toMatchObject([{ device: 'dev-1', by: 'gateway', until: expect.any(String) }]),
    );
    await bans(['remove', 'dev-1']);
    await eventually(async () => expect(await returnCode(test, 'dev-1')).toBe(0));
  });
});

describe('flapping', () => {
  const { connects, windowMs, firstBanMs, longestBanMs } = FLAPPING_LIMITS;

  it('is more connections in a window of time than a device needs; each time it is kept out longer', () => {
    let now = 0;
    const watch = new FlappingWatch({}, () => now);
    const bansOf = (times: number) =>
      Array.from({ length: times }, () => watch.connected('dev-1')).filter((ms) => ms > 0);
    expect(bansOf(connects)).toEqual([]);
    now += windowMs + 1;
    expect(bansOf(connects)).toEqual([]);
    expect(bansOf(1)).toEqual([firstBanMs]);
    now += firstBanMs;
    expect(bansOf(connects + 1)).toEqual([2 * firstBanMs]);
    for (let i = 0; i < 10; i++) bansOf(connects + 1);
    expect(bansOf(connects + 1)).toEqual([longestBanMs]);
    now += longestBanMs + windowMs + 1;
    expect(bansOf(connects + 1)).toEqual([firstBanMs]);
    expect(watch.connected('dev-2')).toBe(0);
  });
});
