import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import type { PasswordHash } from './credential.ts';
import { changeCredentials } from './credentials-file.ts';
import { generatePassword, hashPassword } from './password-hash.ts';

const HOUR_MS = 3_600_000;
const QUICK = { n: 2, r: 1, p: 1 };
let folder: string;
let file: string;
let now: number;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'former-password-'));
  file = path.join(folder, 'devices.json');
  now = Date.now();
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (): Promise<TestGateway> =>
  startTestGateway({ mqtt: { credentialsFile: file, allowAnonymous: false } }, { now: () => now });

const login = (password: string) => ({ username: 'dev-1', password: Buffer.from(password) });

async function returnCode(test: TestGateway, password: string): Promise<number | undefined> {
  const client = await RawClient.open(test.port);
  client.send(connectPacket('dev-1', login(password)));
  const connack = await client.next();
  client.socket.destroy();
  return connack?.cmd === 'connack' ? connack.returnCode : undefined;
}

const set = (password: PasswordHash, former?: PasswordHash): Promise<void> =>
  changeCredentials(file, async (devices) => {
    const previous = former && { until: new Date(now + HOUR_MS).toISOString(), password: former };
    devices.set('dev-1', { ...password, ...(previous && { previous }) });
  });

/** Both are chosen or made: the checks of the two go different ways. */
const KINDS = ['chosen', 'generated'] as const;
const PAIRS = KINDS.flatMap((before) => KINDS.map((after) => ({ before, after })));
async function make(kind: (typeof KINDS)[number], name: string): Promise<[string, PasswordHash]> {
  if (kind === 'chosen') return [name, await hashPassword(Buffer.from(name), QUICK)];
  const { password, hash } = generatePassword();
  return [password, hash];
}

describe('a former password', () => {
  it.each(PAIRS)(
    '[P9] works beside the new one until its time is over: $before, then $after',
    async (kinds) => {
      const [old, oldHash] = await make(kinds.before, 'old');
      const [fresh, freshHash] = await make(kinds.after, 'fresh');
      await set(freshHash, oldHash);
      await using test = await start();
      // Twice: what was verified once is remembered.
      for (const password of [old, old, fresh, fresh, old]) expect(await returnCode(test, password)).toBe(0);
      expect(await returnCode(test, 'neither')).toBe(4);
      now += HOUR_MS - 1;
      expect(await returnCode(test, old)).toBe(0);
      now += 1;
      // Whoever is about to be let in when the time is over has to try once more, whatever the password.
      await eventually(async () => expect(await returnCode(test, old)).toBe(4));
      await eventually(async () => expect(await returnCode(test, fresh)).toBe(0));
    },
  );

  it('[P9] keeps its device connected for as long as it works, and no longer', async () => {
    const [old, oldHash] = await make('chosen', 'old');
    await set(oldHash);
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1', login(old));
    const [fresh, freshHash] = await make('generated', '');
    await set(freshHash, oldHash);
    await eventually(() => expect(test.lines.join('').match(/credentials loaded/g)).toHaveLength(2));
    client.send(publishPacket('dev-1', reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    now += HOUR_MS;
    await client.closed;
    expect(await test.metric('ingest_refused_total{reason="revoked"}')).toBe(1);
    await eventually(async () => expect(await returnCode(test, old)).toBe(4));
    await eventually(async () => expect(await returnCode(test, fresh)).toBe(0));
  });

  it('is over: a device that has the new one stays connected', async () => {
    const [, oldHash] = await make('chosen', 'old');
    const [fresh, freshHash] = await make('chosen', 'fresh');
    await set(freshHash, oldHash);
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1', login(fresh));
    now += HOUR_MS;
    await eventually(async () => expect(await returnCode(test, 'old')).toBe(4));
    client.send(publishPacket('dev-1', reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
  });

  it('[P9] that is taken out of the file ends the connection that it let in', async () => {
    const [old, oldHash] = await make('chosen', 'old');
    const [, freshHash] = await make('generated', '');
    await set(freshHash, oldHash);
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1', login(old));
    await set(freshHash);
    await client.closed;
    expect(await returnCode(test, old)).toBe(4);
  });
});
