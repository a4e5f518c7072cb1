import { describe, expect, it } from 'vitest';
import { PipelineError } from './errors.ts';
import { readSettings } from './settings.ts';

type Env = Readonly<Record<string, string>>;

/** What is refused at the start, one line each; files hold what no one asks for here. */
function problemsOf(env: Env): string[] {
  try {
    readSettings(env, () => 'secret');
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'configuration') return error.message.split('\n');
    throw error;
  }
  return [];
}

const PLAIN = { MQTT_SOURCE_URL: 'mqtt://plant:1883' };
const SECURE = { MQTT_SOURCE_URL: 'mqtts://plant' };
const ADDRESSES =
  'MQTT_SOURCE_URL: expected a list of addresses such as mqtt://host:1883, mqtts, ws or wss, without user and password (MQTT_SOURCE_USERNAME and MQTT_SOURCE_PASSWORD are for those)';

describe('[P10] variables of brokers that are there already', () => {
  it.each([
    ['one broker', PLAIN],
    ['several of all kinds', { MQTT_SOURCE_URL: 'mqtt://a, mqtts://a:8884, ws://b/mqtt, wss://[::1]:9/x' }],
    ['several listeners of one machine', { MQTT_SOURCE_URL: 'mqtt://a:1,mqtt://a:2,ws://a/one,ws://a/two' }],
    ['what several processes share', { ...PLAIN, MQTT_SOURCE_TOPICS: '$share/pipeline/tele/+/SENSOR,a/#' }],
    ['user and password', { ...PLAIN, MQTT_SOURCE_USERNAME: 'u', MQTT_SOURCE_PASSWORD: 'p' }],
    ['a password in a file', { ...PLAIN, MQTT_SOURCE_USERNAME: 'u', MQTT_SOURCE_PASSWORD_FILE: '/p' }],
    ['a user without a password', { ...PLAIN, MQTT_SOURCE_USERNAME: 'u' }],
    ['an authority', { ...SECURE, MQTT_SOURCE_CA_FILE: '/ca' }],
    [
      'TLS of one of them',
      { MQTT_SOURCE_URL: 'mqtt://a,wss://b', MQTT_SOURCE_CERT_FILE: '/c', MQTT_SOURCE_KEY_FILE: '/k' },
    ],
  ])('%s: accepted', (_, env) => {
    expect(problemsOf(env)).toEqual([]);
  });

  it.each<readonly [what: string, env: Env, problems: readonly string[]]>([
    [
      'an address of something else',
      { MQTT_SOURCE_URL: 'tcp://plant' },
      [`${ADDRESSES}, found "tcp://plant"`],
    ],
    ['no address', { MQTT_SOURCE_URL: ' , ' }, [`${ADDRESSES}, found " , "`]],
    [
      'a password in the address, which is not shown',
      { MQTT_SOURCE_URL: 'mqtt://u:p@plant' },
      [`${ADDRESSES}, found something with an "@", not shown`],
    ],
    [
      'one broker twice, which would throw each other out',
      { MQTT_SOURCE_URL: 'mqtt://Plant,mqtt://plant:1883' },
      ['MQTT_SOURCE_URL: expected each broker once, found "mqtt://Plant,mqtt://plant:1883"'],
    ],
    [
      'one broker twice, over WebSocket',
      { MQTT_SOURCE_URL: 'wss://plant/mqtt,wss://plant:443/mqtt' },
      ['MQTT_SOURCE_URL: expected each broker once, found "wss://plant/mqtt,wss://plant:443/mqtt"'],
    ],
    [
      'a filter that is none',
      { ...PLAIN, MQTT_SOURCE_TOPICS: 'a/#/b' },
      ['MQTT_SOURCE_TOPICS: expected a list of topic filters, separated by commas, found "a/#/b"'],
    ],
    [
      'no filter',
      { ...PLAIN, MQTT_SOURCE_TOPICS: ',' },
      ['MQTT_SOURCE_TOPICS: expected a list of topic filters, separated by commas, found ","'],
    ],
    [
      'a share without a name',
      { ...PLAIN, MQTT_SOURCE_TOPICS: '$share//a' },
      ['MQTT_SOURCE_TOPICS: expected a list of topic filters, separated by commas, found "$share//a"'],
    ],
    [
      'a client id that no process may have',
      { ...PLAIN, MQTT_SOURCE_CLIENT_ID: 'a b' },
      ['MQTT_SOURCE_CLIENT_ID: expected letters, digits, ". _ : -", at most 64, found "a b"'],
    ],
    [
      'another version',
      { ...PLAIN, MQTT_SOURCE_VERSION: '4' },
      ['MQTT_SOURCE_VERSION: expected "5" or "3.1.1", found "4"'],
    ],
    [
      'room for no device',
      { ...PLAIN, MQTT_SOURCE_MAX_DEVICES: '0' },
      ['MQTT_SOURCE_MAX_DEVICES: expected a whole number from 1, found "0"'],
    ],
    [
      'a password without a user',
      { ...PLAIN, MQTT_SOURCE_PASSWORD: 'p' },
      ['MQTT_SOURCE_USERNAME: expected a user name, because MQTT_SOURCE_PASSWORD is set'],
    ],
    [
      'a certificate without its key',
      { ...SECURE, MQTT_SOURCE_CERT_FILE: '/c' },
      ['MQTT_SOURCE_KEY_FILE: expected a PEM file, because MQTT_SOURCE_CERT_FILE is set'],
    ],
    [
      'a key without its certificate',
      { ...SECURE, MQTT_SOURCE_KEY_FILE: '/k' },
      ['MQTT_SOURCE_CERT_FILE: expected a PEM file, because MQTT_SOURCE_KEY_FILE is set'],
    ],
    [
      'files of TLS without TLS',
      { ...PLAIN, MQTT_SOURCE_CA_FILE: '/ca' },
      ['MQTT_SOURCE_URL: expected an mqtts or wss address, because MQTT_SOURCE_CA_FILE is set'],
    ],
    ...(
      [
        ['MQTT_SOURCE_TOPICS', 'a/#'],
        ['MQTT_SOURCE_CLIENT_ID', 'source-1'],
        ['MQTT_SOURCE_USERNAME', 'u'],
        ['MQTT_SOURCE_CA_FILE', '/ca'],
        ['MQTT_SOURCE_VERSION', '3.1.1'],
        ['MQTT_SOURCE_MAX_DEVICES', '7'],
      ] as const
    ).map(([name, value]): readonly [string, Env, readonly string[]] => [
      `${name} without a broker`,
      { [name]: value },
      [`MQTT_SOURCE_URL: expected a list of addresses, because ${name} is set`],
    ]),
  ])('%s: refused', (_, env, problems) => {
    expect(problemsOf(env)).toEqual(problems);
  });

  it('all that is wrong at once', () => {
    const env = {
      ...PLAIN,
      MQTT_SOURCE_CERT_FILE: '/c',
      MQTT_SOURCE_PASSWORD: 'p',
      MQTT_SOURCE_VERSION: '4',
    };
    expect(problemsOf(env)).toHaveLength(4);
  });
});
