import { describe, expect, it } from 'vitest';
import { hasCode } from '#runtime/errors.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';

type Env = Readonly<Record<string, string>>;

function settingsOf(env: Env): Settings {
  return readSettings(env, () => '').settings;
}

/** The variables that are named as wrong. */
function wrong(env: Env): string[] {
  try {
    settingsOf(env);
    return [];
  } catch (error) {
    if (!hasCode(error, 'configuration')) throw error;
    return error.message.split('\n').map((line) => line.split(':', 1)[0] as string);
  }
}

const EVERYWHERE = { MQTT_HOST: '0.0.0.0' };
const CREDENTIALS = { DEVICE_CREDENTIALS_FILE: 'devices.json' };
const TLS = { MQTT_TLS_PORT: '8883', MQTT_TLS_CERT_FILE: 'c.pem', MQTT_TLS_KEY_FILE: 'k.pem' };
const CA = { MQTT_TLS_CA_FILE: 'ca.pem' };
const TLS_ONLY = { ...TLS, MQTT_PORT: 'off' };
const PLAIN = { MQTT_PLAIN: 'insecure-network-allowed' };
const OPEN = { ALLOW_ANONYMOUS: 'insecure-network-allowed' };

describe('what other machines can reach [P9]', () => {
  it.each<[string, Env, string[]]>([
    ['nothing is needed on loopback', {}, []],
    ['nor for plain WebSocket there', { MQTT_WS_PORT: '8083', ALLOW_ANONYMOUS: 'true' }, []],
    ['neither credentials nor TLS', EVERYWHERE, ['DEVICE_CREDENTIALS_FILE', 'MQTT_PORT']],
    ['credentials, but plain', { ...EVERYWHERE, ...CREDENTIALS }, ['MQTT_PORT']],
    ['plain by mistake beside TLS', { ...EVERYWHERE, ...CREDENTIALS, ...TLS }, ['MQTT_PORT']],
    ['TLS and credentials', { ...EVERYWHERE, ...CREDENTIALS, ...TLS_ONLY }, []],
    ['TLS and certificates', { ...EVERYWHERE, ...TLS_ONLY, ...CA }, []],
    ['TLS and nothing to show', { ...EVERYWHERE, ...TLS_ONLY }, ['DEVICE_CREDENTIALS_FILE']],
    ['TLS and tokens', { ...EVERYWHERE, ...TLS_ONLY, JWT_JWKS_FILE: 'jwks.json' }, []],
    ['plain, allowed in words', { ...EVERYWHERE, ...CREDENTIALS, ...PLAIN }, []],
    [
      'plain WebSocket',
      { ...EVERYWHERE, ...CREDENTIALS, ...TLS_ONLY, MQTT_WS_PORT: '8083' },
      ['MQTT_WS_PORT'],
    ],
    [
      'anonymous and plain beside TLS with an authority',
      { ...EVERYWHERE, ...TLS, ...CA, ALLOW_ANONYMOUS: 'true' },
      ['ALLOW_ANONYMOUS', 'MQTT_PORT'],
    ],
    ['anonymous over TLS', { ...EVERYWHERE, ...TLS_ONLY, ALLOW_ANONYMOUS: 'true' }, ['ALLOW_ANONYMOUS']],
    ['all open, allowed in words', { ...EVERYWHERE, ...PLAIN, ...OPEN }, []],
    ['an IPv6 address of the network', { MQTT_HOST: '::', ...CREDENTIALS }, ['MQTT_PORT']],
    ['HTTP', { HTTP_HOST: '0.0.0.0' }, ['HTTP_TOKEN']],
    ['HTTP with a token', { HTTP_HOST: '0.0.0.0', HTTP_TOKEN: 'sixteen-letters!' }, []],
    ['HTTP with a password of the console', { HTTP_HOST: '0.0.0.0', CONSOLE_PASSWORD: 'correct horse' }, []],
    ['HTTP with a short password', { HTTP_HOST: '0.0.0.0', CONSOLE_PASSWORD: 'short' }, ['CONSOLE_PASSWORD']],
    ['HTTP with a short token', { HTTP_HOST: '0.0.0.0', HTTP_TOKEN: 'short' }, ['HTTP_TOKEN']],
    ['HTTP, allowed in words', { HTTP_HOST: '0.0.0.0', HTTP_OPEN: 'insecure-network-allowed' }, []],
    ['other words', { ...EVERYWHERE, ...CREDENTIALS, MQTT_PLAIN: 'true' }, ['MQTT_PLAIN']],
  ])('%s', (_, env, variables) => {
    expect(wrong(env)).toEqual(variables);
  });

  it('anonymous devices are let in by default on loopback only, and never beside a credentials file', () => {
    expect(settingsOf({}).mqtt.allowAnonymous).toBe(true);
    expect(settingsOf(CREDENTIALS).mqtt.allowAnonymous).toBe(false);
    expect(settingsOf({ ...EVERYWHERE, ...TLS_ONLY, ...CA }).mqtt.allowAnonymous).toBe(false);
    expect(settingsOf({ JWT_JWKS_FILE: 'jwks.json' }).mqtt.allowAnonymous).toBe(false);
    expect(settingsOf({ ...EVERYWHERE, ...PLAIN, ...OPEN }).mqtt.allowAnonymous).toBe(true);
  });
});

describe('tokens [P10]', () => {
  const URL = { JWT_JWKS_URL: 'https://id.example/jwks.json' };

  it.each<[string, Env, string[]]>([
    ['keys of a provider, whose tokens are for many', { ...URL }, ['JWT_AUDIENCE']],
    ['and of a file', { ...URL, JWT_AUDIENCE: 'a', JWT_JWKS_FILE: 'jwks.json' }, ['JWT_JWKS_URL']],
    ['nothing to judge by', { JWT_ISSUER: 'a', JWT_ALGORITHMS: 'ES256' }, ['JWT_JWKS_FILE', 'JWT_JWKS_FILE']],
    [
      'over the network in the clear',
      { JWT_JWKS_URL: 'http://id.example/', JWT_AUDIENCE: 'a' },
      ['JWT_JWKS_URL'],
    ],
    ['of this machine in the clear', { JWT_JWKS_URL: 'http://127.0.0.1:9/', JWT_AUDIENCE: 'a' }, []],
    ['no signature', { JWT_JWKS_FILE: 'j', JWT_ALGORITHMS: 'none' }, ['JWT_ALGORITHMS']],
    ['a public key as a secret', { JWT_JWKS_FILE: 'j', JWT_ALGORITHMS: 'ES256,HS256' }, ['JWT_ALGORITHMS']],
  ])('%s', (_, env, variables) => {
    expect(wrong(env)).toEqual(variables);
  });

  it('are handed on as one', () => {
    expect(settingsOf({}).mqtt.tokens).toBeUndefined();
    expect(
      settingsOf({ ...URL, JWT_AUDIENCE: 'a', JWT_ALGORITHMS: 'ES256', JWT_ISSUER: 'b' }).mqtt.tokens,
    ).toEqual({
      keys: { url: URL.JWT_JWKS_URL },
      issuer: 'b',
      audience: 'a',
      algorithms: ['ES256'],
      clockToleranceMs: 30_000,
    });
  });
});

describe('listeners [P10]', () => {
  it('plain MQTT can be switched off, when something else listens', () => {
    expect(settingsOf(TLS_ONLY).mqtt).toMatchObject({ port: undefined, tls: { port: 8883 } });
    expect(wrong({ MQTT_PORT: 'off' })).toEqual(['MQTT_PORT']);
  });

  it('WebSocket over TLS is enough, and needs its files', () => {
    const { MQTT_TLS_PORT: _, ...files } = TLS_ONLY;
    expect(wrong({ ...EVERYWHERE, ...CREDENTIALS, ...files, MQTT_WSS_PORT: '443' })).toEqual([]);
    expect(wrong({ MQTT_WSS_PORT: '443' })).toEqual(['MQTT_TLS_CERT_FILE', 'MQTT_TLS_KEY_FILE']);
    expect(wrong({ ...TLS, MQTT_TLS_CRL_FILE: 'crl.pem' })).toEqual(['MQTT_TLS_CA_FILE']);
  });

  it('TLS files that would not be used are told', () => {
    for (const name of ['MQTT_TLS_CERT_FILE', 'MQTT_TLS_KEY_FILE', 'MQTT_TLS_CA_FILE'])
      expect(wrong({ [name]: 'file.pem' })).toEqual(['MQTT_TLS_PORT']);
  });
});
