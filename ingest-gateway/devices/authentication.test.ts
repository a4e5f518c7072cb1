import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { IConnectPacket } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { authenticate } from './authentication.ts';
import { changeCredentials } from './credentials-file.ts';
import { generatePassword, hashPassword } from './password-hash.ts';

const QUICK = { n: 2, r: 1, p: 1 };
let folder: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'authentication-'));
  file = path.join(folder, 'devices.json');
  await setPasswords({ 'dev-1': 'one', 'dev-2': 'two' });
});
afterEach(() => rmSync(folder, { recursive: true }));

async function setPasswords(passwords: Readonly<Record<string, string>>): Promise<void> {
  await changeCredentials(file, async (devices) => {
    devices.clear();
    for (const [id, password] of Object.entries(passwords)) {
      devices.set(id, await hashPassword(Buffer.from(password), QUICK));
    }
  });
}

async function revoke(id: string): Promise<void> {
  await changeCredentials(file, async (devices) => void devices.set(id, 'revoked'));
}

const start = (options: Parameters<typeof startTestGateway>[0] = {}): Promise<TestGateway> =>
  startTestGateway({ ...options, mqtt: { credentialsFile: file, allowAnonymous: false, ...options.mqtt } });

async function returnCode(test: TestGateway, id: string, password?: string): Promise<number | undefined> {
  const client = await RawClient.open(test.port);
  const login: Partial<IConnectPacket> =
    password === undefined ? {} : { username: id, password: Buffer.from(password) };
  client.send(connectPacket(id, login));
  const connack = await client.next();
  client.socket.destroy();
  return connack?.cmd === 'connack' ? connack.returnCode : undefined;
}

describe('device credentials', () => {
  it('[P9] lets a device in with its own password only', async () => {
    await using test = await start();
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    expect(await returnCode(test, 'dev-1', 'two')).toBe(4);
    expect(await returnCode(test, 'dev-1', '')).toBe(4);
    expect(await returnCode(test, 'dev-1')).toBe(4);
    expect(await returnCode(test, 'dev-3', 'one')).toBe(4);
    expect(await returnCode(test, 'toString', 'one')).toBe(4);
    expect(await test.metric('ingest_refused_total{reason="bad-credentials"}')).toBe(5);
  });

  it('[P9] a valid password does not open the session of another device', async () => {
    await using test = await start();
    const client = await RawClient.open(test.port);
    client.send(connectPacket('dev-1', { username: 'dev-2', password: Buffer.from('two') }));
    expect(await client.next()).toMatchObject({ returnCode: 5 });
  });

  it('[P9] an anonymous device may not be one that is in the file, revoked ones included', async () => {
    await revoke('dev-2');
    await using test = await start({ mqtt: { allowAnonymous: true } });
    expect(await returnCode(test, 'dev-9')).toBe(0);
    expect(await returnCode(test, 'dev-1')).toBe(4);
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    for (const password of [undefined, 'two', 'revoked', ''])
      expect(await returnCode(test, 'dev-2', password)).toBe(4);
    expect(test.gateway.devices().map(({ id }) => id)).not.toContain('dev-2');
  });

  it('[P9] a device that is revoked or gets a password must leave, and cannot come back without one', async () => {
    await using test = await start({ mqtt: { allowAnonymous: true } });
    const login = { username: 'dev-1', password: Buffer.from('one') };
    const revoked = await RawClient.device(test.port, 'dev-1', login);
    const anonymous = await RawClient.device(test.port, 'dev-9');
    const other = await RawClient.device(test.port, 'dev-8');
    await changeCredentials(file, async (devices) => {
      devices.set('dev-1', 'revoked').set('dev-9', await hashPassword(Buffer.from('nine'), QUICK));
    });
    await Promise.all([revoked.closed, anonymous.closed]);
    expect(await returnCode(test, 'dev-1')).toBe(4);
    expect(await returnCode(test, 'dev-9')).toBe(4);
    expect(await returnCode(test, 'dev-9', 'nine')).toBe(0);
    other.send(publishPacket('dev-8', reading(1), 1));
    expect(await other.next()).toMatchObject({ cmd: 'puback' });
  });

  it('[P9] no password lets in a device that has none; where anybody is let in, it needs none', async () => {
    await changeCredentials(file, async (devices) => void devices.set('dev-3', { algorithm: 'none' }));
    await using closed = await start();
    expect(await returnCode(closed, 'dev-3')).toBe(4);
    expect(await returnCode(closed, 'dev-3', '')).toBe(4);
    expect(await returnCode(closed, 'dev-3', 'one')).toBe(4);
    await using open = await start({ mqtt: { allowAnonymous: true } });
    expect(await returnCode(open, 'dev-3')).toBe(0);
    expect(await returnCode(open, 'dev-1')).toBe(4);
  });

  it('[P9] a certificate does not let a revoked device in', async () => {
    const decide = (clientId: string, revokedId: string) =>
      authenticate(
        {
          clientId,
          username: undefined,
          password: undefined,
          certificateName: 'dev-1',
          address: '192.0.2.1',
        },
        {
          credentials: {
            needsPassword: () => true,
            terms: () => ({}),
            isRevoked: (id) => id === revokedId,
            verify: async () => 'wrong',
            slowestCheckMs: 0,
          },
          allowAnonymous: true,
          bans: { device: () => undefined },
        },
      );
    expect(await decide('dev-1', 'dev-2')).toEqual({ by: 'certificate' });
    expect(await decide('dev-1', 'dev-1')).toMatchObject({ reason: 'bad-credentials' });
    expect(await decide('dev-2', 'dev-1')).toMatchObject({ reason: 'wrong-identity' });
  });

  it('are read again when the file changes: new devices get in, revoked ones are disconnected', async () => {
    await using test = await start();
    const login = (password: string): Partial<IConnectPacket> => ({
      password: Buffer.from(password),
      username: 'dev-1',
    });
    const revoked = await RawClient.device(test.port, 'dev-1', login('one'));
    const kept = await RawClient.device(test.port, 'dev-2', {
      username: 'dev-2',
      password: Buffer.from('two'),
    });
    await changeCredentials(file, async (devices) => {
      devices.delete('dev-1');
      devices.set('dev-3', await hashPassword(Buffer.from('three'), QUICK));
    });
    await revoked.closed;
    expect(await test.metric('ingest_refused_total{reason="revoked"}')).toBe(1);
    expect(await returnCode(test, 'dev-1', 'one')).toBe(4);
    expect(await returnCode(test, 'dev-3', 'three')).toBe(0);
    kept.send(publishPacket('dev-2', reading(1), 1));
    expect(await kept.next()).toMatchObject({ cmd: 'puback' });
  });

  it('a new password locks out the old one', async () => {
    await using test = await start();
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    await setPasswords({ 'dev-1': 'new' });
    await eventually(async () => expect(await returnCode(test, 'dev-1', 'new')).toBe(0));
    expect(await returnCode(test, 'dev-1', 'one')).toBe(4);
  });

  it('a broken or missing file changes nothing, and says so', async () => {
    await using test = await start();
    writeFileSync(file, '{"version": 1, "devi');
    await eventually(() => expect(test.lines.join('')).toContain('stay in force'));
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    rmSync(file);
    await eventually(() => expect(test.lines.join('')).toContain('ENOENT'));
    expect(await returnCode(test, 'dev-2', 'two')).toBe(0);
    await setPasswords({ 'dev-4': 'four' });
    await eventually(async () => expect(await returnCode(test, 'dev-4', 'four')).toBe(0));
  });

  it('[P10] must be usable at the start', async () => {
    writeFileSync(file, 'nonsense');
    await expect(start()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('DEVICE_CREDENTIALS_FILE'),
    });
  });

  it('[P10] whose turn does not come in time are told to come back, keep their place, and operators are told', async () => {
    await changeCredentials(file, async (devices) => {
      const slow = await hashPassword(Buffer.from('x'), { n: 1 << 15, r: 8, p: 1 });
      for (let i = 0; i < 4; i++) devices.set(`slow-${i}`, slow);
    });
    await using test = await start({ limits: { busyAnswerMs: 1 } });
    const ids = ['slow-0', 'slow-1', 'slow-2', 'slow-3'];
    expect(await Promise.all(ids.map((id) => returnCode(test, id, 'x')))).toEqual([3, 3, 3, 3]);
    expect(await test.metric('ingest_refused_total{reason="authentication-busy"}')).toBe(4);
    expect(test.gateway.readiness().logins).toMatchObject({ required: false });
    for (const id of ids) await eventually(async () => expect(await returnCode(test, id, 'x')).toBe(0));
    expect(await test.metric('ingest_waiting_logins')).toBe(0);
  });

  it('[P10] a guesser of one chosen password waits longer and longer, and keeps no other device out', async () => {
    await using test = await start({ limits: { loginWaitMs: 60_000 } });
    for (let i = 0; i < 6; i++) expect(await returnCode(test, 'dev-1', `wrong ${i}`)).toBe(4);
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, i) => returnCode(test, 'dev-1', `guess ${i}`)),
    );
    expect(guesses.filter((code) => code === 3).length).toBeGreaterThan(20);
    expect(await test.metric('ingest_refused_total{reason="login-throttled"}')).toBeGreaterThan(20);
    expect(await returnCode(test, 'dev-2', 'two')).toBe(0);
    // It cannot be told from the guesser, until it was right once.
    expect(await returnCode(test, 'dev-1', 'one')).toBe(3);
  });

  it('[P10] whose password was right lately, or was made by us, comes in beside any number of guesses', async () => {
    const { password, hash } = generatePassword();
    await changeCredentials(file, async (devices) => void devices.set('dev-3', hash));
    await using test = await start({ limits: { busyAnswerMs: 5_000, loginWaitMs: 60_000 } });
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    for (const id of ['dev-1', 'dev-3'])
      await Promise.all(Array.from({ length: 40 }, (_, i) => returnCode(test, id, `guess ${i}`)));
    expect(await returnCode(test, 'dev-3', 'guess')).toBe(3);
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    expect(await returnCode(test, 'dev-3', password)).toBe(0);
  });

  it('[P10] a login that is not right is answered no sooner for one id than for another', async () => {
    const { hash } = generatePassword();
    await changeCredentials(file, async (devices) => {
      devices.set('generated', hash).set('chosen', await hashPassword(Buffer.from('x')));
      devices.set('gone', 'revoked');
    });
    const loginRefusalMs = 150;
    await using test = await start({ limits: { loginRefusalMs } });
    for (const id of ['unknown', 'generated', 'chosen', 'gone']) {
      const startedAt = performance.now();
      expect(await returnCode(test, id, 'wrong')).toBe(4);
      // Timers may be early by a little; without the rule the dearest of them takes about 60 ms.
      expect(performance.now() - startedAt).toBeGreaterThan(loginRefusalMs - 20);
    }
  });

  it('devices that should be there and never came are listed', async () => {
    await using test = await start();
    expect(await returnCode(test, 'dev-1', 'one')).toBe(0);
    expect(test.gateway.devices()).toMatchObject([{ id: 'dev-2', lastSeen: null }, { id: 'dev-1' }]);
  });
});
