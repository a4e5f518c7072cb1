import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeCredentials } from '#ingest-gateway/devices/credentials-file.ts';
import { connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { TOKEN_ALGORITHMS, type TokenSettings } from '#runtime/token-variables.ts';
import { TokenKeys } from './token-keys.ts';

interface SigningKey {
  readonly alg: string;
  readonly secret: CryptoKey;
  readonly jwk: JWK;
}

const HOUR = 60 * 60;
let folder: string;
let file: string;
let first: SigningKey;
let second: SigningKey;
beforeAll(async () => {
  first = await makeKey('ES256', 'first');
  second = await makeKey('RS256', 'second');
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokens-'));
  file = path.join(folder, 'jwks.json');
  publish(first, second);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function makeKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, secret: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

const setOf = (...keys: SigningKey[]): string => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
const publish = (...keys: SigningKey[]): void => writeFileSync(file, setOf(...keys));

interface TokenOptions {
  readonly key?: SigningKey;
  readonly sub?: string;
  /** Seconds from now. */
  readonly expires?: number | undefined;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly kid?: string | undefined;
  readonly now?: number;
}

async function token(options: TokenOptions = {}): Promise<string> {
  const {
    key = first,
    sub = 'dev-1',
    claims = { iss: 'issuer', aud: 'telemetry' },
    now = Date.now(),
  } = options;
  const expires = 'expires' in options ? options.expires : HOUR;
  const kid = 'kid' in options ? options.kid : key.jwk.kid;
  const jwt = new SignJWT({ ...claims, sub }).setProtectedHeader({
    alg: key.alg,
    ...(kid !== undefined && { kid }),
  });
  if (expires !== undefined) jwt.setExpirationTime(Math.floor(now / 1000) + expires);
  return jwt.sign(key.secret);
}

const settings = (keys: TokenSettings['keys'] = { file }): TokenSettings => ({
  keys,
  issuer: 'issuer',
  audience: 'telemetry',
  algorithms: TOKEN_ALGORITHMS,
  clockToleranceMs: 30_000,
});

const start = (
  tokens: TokenSettings = settings(),
  deps: Parameters<typeof startTestGateway>[1] = {},
  credentialsFile?: string,
): Promise<TestGateway> =>
  startTestGateway({ mqtt: { tokens, allowAnonymous: false, credentialsFile } }, deps);

async function returnCode(test: TestGateway, id: string, password: string): Promise<number | undefined> {
  const client = await RawClient.open(test.port);
  client.send(connectPacket(id, { username: id, password: Buffer.from(password) }));
  const connack = await client.next();
  client.socket.destroy();
  return connack?.cmd === 'connack' ? connack.returnCode : undefined;
}

const lastDetail = (test: TestGateway, id = 'dev-1') => {
  const { strangers } = test.gateway.strangers();
  const known = test.gateway.devices().find((device) => device.id === id);
  return (known ?? strangers.find((stranger) => stranger.id === id))?.lastRefusal?.detail;
};

describe('a token instead of a password', () => {
  it('[P9] lets in the device that it is made for, on any of the keys', async () => {
    await using test = await start();
    expect(await returnCode(test, 'dev-1', await token())).toBe(0);
    expect(await returnCode(test, 'dev-2', await token({ key: second, sub: 'dev-2' }))).toBe(0);
    expect(
      await returnCode(test, 'dev-1', await token({ claims: { iss: 'issuer', aud: ['x', 'telemetry'] } })),
    ).toBe(0);
    const client = await RawClient.device(test.port, 'dev-1', {
      username: 'dev-1',
      password: Buffer.from(await token({ kid: undefined })),
    });
    client.send(publishPacket('dev-1', reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
  });

  it('[P9] lets nobody in that is not right in all, and tells the operator why', async () => {
    await using test = await start();
    const forged = await makeKey('ES256', 'first');
    const unknown = await makeKey('ES256', 'unknown');
    const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = {
      sub: 'dev-1',
      iss: 'issuer',
      aud: 'telemetry',
      exp: Math.floor(Date.now() / 1000) + HOUR,
    };
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(Buffer.from(JSON.stringify(first.jwk)));
    const good = await token();
    const cases: [what: string, made: string, why: string][] = [
      ['of another device', await token({ sub: 'dev-2' }), '"sub"'],
      ['expired', await token({ expires: -31 }), 'expired'],
      ['without an end', await token({ expires: undefined }), '"exp"'],
      [
        'not valid yet',
        await token({ claims: { iss: 'issuer', aud: 'telemetry', nbf: claims.exp } }),
        '"nbf"',
      ],
      ['of another issuer', await token({ claims: { iss: 'else', aud: 'telemetry' } }), '"iss"'],
      ['for others', await token({ claims: { iss: 'issuer', aud: 'else' } }), '"aud"'],
      ['by a key of the same name', await token({ key: forged }), 'signature'],
      ['by a key that is not known', await token({ key: unknown }), 'not known'],
      ['signed by nobody', `${base64({ alg: 'none' })}.${base64(claims)}.`, 'not allowed'],
      ['signed with the public key as a secret', hmac, 'not allowed'],
      ['cut', good.slice(0, -8), ''],
      [
        'with other claims',
        [good.split('.')[0], base64({ ...claims, exp: claims.exp + 1 }), good.split('.')[2]].join('.'),
        'signature',
      ],
    ];
    for (const [what, made, why] of cases) {
      expect(await returnCode(test, 'dev-1', made), what).toBe(4);
      expect(lastDetail(test), what).toContain(why);
    }
    expect(await returnCode(test, 'dev-1', 'eyJ no token')).toBe(4);
    expect(test.lines.join('')).not.toContain(good.slice(0, 40));
    expect(await returnCode(test, 'dev-1', await token({ expires: -20 })), 'within the tolerance').toBe(0);
  });

  it('[P9] an algorithm that is not on the list does not count', async () => {
    await using test = await start({ ...settings(), algorithms: ['RS256'] });
    expect(await returnCode(test, 'dev-1', await token())).toBe(4);
    expect(await returnCode(test, 'dev-1', await token({ key: second }))).toBe(0);
  });

  it('[P9] stands beside the credentials file: passwords work, a device that was revoked stays out', async () => {
    const credentialsFile = path.join(folder, 'devices.json');
    await changeCredentials(credentialsFile, async (devices) => {
      devices.set('gone', 'revoked').set('dev-1', { algorithm: 'none', labels: { site: 'a' } });
    });
    await using test = await start(settings(), {}, credentialsFile);
    expect(await returnCode(test, 'gone', await token({ sub: 'gone' }))).toBe(4);
    expect(await returnCode(test, 'dev-1', await token())).toBe(0);
    expect(test.gateway.devices().find(({ id }) => id === 'dev-1')?.labels).toEqual({ site: 'a' });
    const client = await RawClient.device(test.port, 'dev-1', {
      username: 'dev-1',
      password: Buffer.from(await token()),
    });
    await changeCredentials(credentialsFile, async (devices) => void devices.set('dev-1', 'revoked'));
    await client.closed;
  });
});

describe('the end of a token', () => {
  it('[P9] ends the connection; MQTT 5 is told why', async () => {
    let now = Date.now();
    await using test = await start(settings(), { now: () => now });
    const login = { username: 'dev-1', password: Buffer.from(await token({ expires: 60, now })) };
    const old = await RawClient.device(test.port, 'dev-1', login);
    const other = await RawClient.device(test.port, 'dev-2', {
      username: 'dev-2',
      password: Buffer.from(await token({ sub: 'dev-2', now })),
    });
    const five = await RawClient.device(test.port, 'dev-3', {
      protocolVersion: 5,
      username: 'dev-3',
      password: Buffer.from(await token({ sub: 'dev-3', expires: 60, now })),
    });
    now += 89_000;
    old.send(publishPacket('dev-1', reading(1, now), 1));
    expect(await old.next()).toMatchObject({ cmd: 'puback' });
    now += 2_000;
    await Promise.all([old.closed, five.closed]);
    expect(five.received).toMatchObject([{ cmd: 'disconnect', reasonCode: 0xa0 }]);
    expect(await test.metric('ingest_refused_total{reason="token-over"}')).toBe(2);
    other.send(publishPacket('dev-2', reading(1, now), 1));
    expect(await other.next()).toMatchObject({ cmd: 'puback' });
  });

  it('[P9] comes when its key is taken back, and not when another key is added', async () => {
    await using test = await start();
    const connect = async (id: string, key: SigningKey, kid?: string) =>
      RawClient.device(test.port, id, {
        username: id,
        password: Buffer.from(await token({ key, sub: id, ...(kid === '' && { kid: undefined }) })),
      });
    const byFirst = await connect('dev-1', first);
    const bySecond = await connect('dev-2', second);
    const third = await makeKey('EdDSA', 'third');
    publish(first, second, third);
    await eventually(async () =>
      expect(await returnCode(test, 'dev-3', await token({ key: third, sub: 'dev-3' }))).toBe(0),
    );
    publish(second, third);
    await byFirst.closed;
    expect(await returnCode(test, 'dev-1', await token())).toBe(4);
    bySecond.send(publishPacket('dev-2', reading(1), 1));
    expect(await bySecond.next()).toMatchObject({ cmd: 'puback' });
  });
});

describe('keys of a file', () => {
  it('[P10] must be usable at the start, and stay in force when the file is not any more', async () => {
    for (const [content, why] of [
      ['{', 'not JSON'],
      ['{"keys":[]}', 'no key for signatures'],
      [JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }), 'secret key'],
      [JSON.stringify({ keys: [{ ...first.jwk, d: 'x' }] }), 'private key'],
      ['{"keys":{}}', 'no key set'],
    ] as const) {
      writeFileSync(file, content);
      await expect(start(), content).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringMatching(new RegExp(`JWT_JWKS_FILE.*${why}`)),
      });
    }
    publish(first);
    await using test = await start();
    writeFileSync(file, '{');
    await eventually(async () => expect(await test.metric('ingest_files_usable{kind="token-keys"}')).toBe(0));
    expect(test.gateway.readiness().files).toMatchObject({
      up: false,
      detail: expect.stringContaining('not JSON'),
    });
    expect(await returnCode(test, 'dev-1', await token())).toBe(0);
    publish(first, second);
    await eventually(async () => expect(await test.metric('ingest_files_usable{kind="token-keys"}')).toBe(1));
  });
});

describe('keys of a provider', () => {
  let answer: { status: number; body: string; headers?: Record<string, string> };
  let asked: number;
  let server: Server;
  let url: string;
  beforeEach(async () => {
    asked = 0;
    answer = { status: 200, body: setOf(first) };
    server = createServer((_, response) => {
      asked++;
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterEach(() => void server.close());

  it('are asked for at the start; until they are there, a device is told to come back', async () => {
    answer = { status: 503, body: '' };
    await using test = await startTestGateway({
      mqtt: { tokens: settings({ url }), allowAnonymous: false },
      limits: { busyAnswerMs: 500 },
    });
    await eventually(() => expect(asked).toBe(1));
    expect(await returnCode(test, 'dev-1', await token())).toBe(3);
    expect(await test.metric('ingest_refused_total{reason="authentication-busy"}')).toBe(1);
    expect(test.gateway.readiness().files).toMatchObject({
      up: false,
      detail: expect.stringContaining('503'),
    });
    answer = { status: 200, body: setOf(first) };
    test.gateway.readFilesAgain();
    await eventually(async () => expect(await returnCode(test, 'dev-1', await token())).toBe(0));
    expect(test.gateway.readiness().files).toMatchObject({ up: true });
  });

  it('are asked for when a token names one that is not known, but not by every such token', async () => {
    await using test = await start(settings({ url }));
    await eventually(async () => expect(await returnCode(test, 'dev-1', await token())).toBe(0));
    answer.body = setOf(first, second);
    const before = asked;
    for (let i = 0; i < 5; i++)
      expect(await returnCode(test, 'dev-2', await token({ key: second, sub: 'dev-2' }))).toBe(4);
    expect(asked).toBe(before);
    const told: string[] = [];
    const telemetry = {
      tokenKeysLoaded: () => undefined,
      tokenKeysUnusable: (why: string) => void told.push(why),
    };
    using keys = new TokenKeys({ keys: { url }, retryMs: 0, onChanged: () => undefined }, telemetry as never);
    await keys.lookAgain();
    expect(keys.set?.keys).toHaveLength(2);
    answer.body = setOf(second);
    await keys.lookAgain();
    expect(keys.set?.keys).toHaveLength(1);
    // What is no answer changes nothing: too large, a redirect, nonsense, nobody there.
    const wrong: (typeof answer)[] = [
      { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) }) },
      { status: 302, body: '', headers: { location: url } },
      { status: 200, body: '<html>' },
    ];
    for (answer of wrong) {
      await keys.lookAgain();
      expect(keys.problem).toContain(url);
      expect(keys.set?.keys).toHaveLength(1);
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await keys.lookAgain();
    expect(keys.problem).toContain(url);
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.join(' ')).toMatch(/larger than .*not JSON/s);
  });
});
