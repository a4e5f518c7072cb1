import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'configuration-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};

async function problemsOf(main: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const child = spawn(process.execPath, [path.join(ROOT, main)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const [err] = await Promise.all([text(child.stderr), text(child.stdout)]);
  expect((await exit)[0], err).toBe(2);
  return err.trimEnd().split('\n');
}

/** One of each kind: syntax, relations, schemas, and every file that a process is told of. */
const everythingWrong = {
  ACK_DEADLINE_MS: 'soon',
  MQTT_MESSAGES_PER_SECOND: '500',
  MQTT_MESSAGE_BURST: '50',
  MAX_PAYLOAD_BYTES: '262144',
  STORE_TAGS: 'site,Line',
  INFLUX_URL: 'ftp://store',
  MQTT_TLS_PORT: 'secure',
  KAFKA_SSL_CA_FILE: write('kafka-ca.pem', 'no certificate'),
  KAFKA_SSL: 'true',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_PASSWORD_FILE: path.join(folder, 'missing-password'),
  MQTT_TLS_CERT_FILE: write('cert.pem', 'no certificate'),
  MQTT_TLS_KEY_FILE: path.join(folder, 'missing-key.pem'),
  MQTT_TLS_CA_FILE: write('ca.pem', 'no certificate'),
  DEVICE_CREDENTIALS_FILE: write('devices.json', '{"version":2}'),
  JWT_JWKS_FILE: write('jwks.json', '{"keys":[]}'),
  SCHEMA_DIR: path.dirname(path.dirname(write('schemas/pump/1.json', '{'))),
  DATA_DIR: path.join(write('a-file', ''), 'data'),
};
const always = [
  /^ACK_DEADLINE_MS: expected milliseconds/,
  /^MQTT_MESSAGE_BURST: expected at least 500, because MQTT_MESSAGES_PER_SECOND is 500/,
  /^MAX_PACKET_BYTES: expected at least 266240, because /,
  /^STORE_TAGS: expected a list of labels/,
  /^INFLUX_URL: expected an http/,
  /^MQTT_TLS_PORT: expected a port number/,
  /^KAFKA_SSL_CA_FILE: expected a readable file of PEM certificates/,
  /^KAFKA_SASL_PASSWORD_FILE: expected a readable file/,
  /^KAFKA_SASL_USERNAME: expected a user name, because KAFKA_SASL_MECHANISM is set/,
  /^INFLUX_TOKEN: expected a token, because INFLUX_URL is set/,
  /^INFLUX_ORG: /,
  /^INFLUX_BUCKET: /,
  /^SCHEMA_DIR: .*pump\/1\.json: /,
];
const gateway = [
  /^MQTT_TLS_CERT_FILE: expected a readable PEM file with a certificate/,
  /^MQTT_TLS_KEY_FILE: expected a readable PEM file with a private key.*ENOENT/,
  /^MQTT_TLS_CA_FILE: expected a readable PEM file with certificates/,
  /^DEVICE_CREDENTIALS_FILE: expected a credentials file/,
  /^JWT_JWKS_FILE: expected a file of public keys.*no key for signatures/,
];

describe('[P10] everything that is wrong is told in one answer, exit code 2', () => {
  test.each([
    ['ingest-gateway/main.ts', [...always, ...gateway, /^KAFKA_BROKERS: /]],
    ['processors/telemetry-writer/main.ts', [...always, /^KAFKA_BROKERS: /]],
    ['processors/lag-monitor/main.ts', [...always, /^KAFKA_BROKERS: /]],
  ])('%s', async (main, expected) => {
    const problems = await problemsOf(main, everythingWrong);
    for (const line of expected) expect(problems).toContainEqual(expect.stringMatching(line));
    expect(problems).toHaveLength(expected.length);
  });

  test('standalone/main.ts, with its folder and its ports', async () => {
    await using taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { INFLUX_URL: _, ...embedded } = everythingWrong;
    const problems = await problemsOf('standalone/main.ts', {
      ...embedded,
      MQTT_PORT: '0',
      HTTP_PORT: String(port),
    });
    const expected = [
      ...always.filter((line) => !line.source.includes('INFLUX')),
      ...gateway,
      /^DATA_DIR: expected a folder that can be written: .*a-file/,
      /^HTTP_PORT: port \d+ on 127\.0\.0\.1 is in use/,
    ];
    for (const line of expected) expect(problems).toContainEqual(expect.stringMatching(line));
    expect(problems).toHaveLength(expected.length);
  });
});
