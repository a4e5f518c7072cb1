import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeCertificate } from '#services/certificates.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { isOnPath, run } from '#services/tools.ts';
import { type Environment, expectToBeRefused, expectToCarryRecords } from './testing/log-from-environment.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const USER = { name: 'pipeline', password: 'right' };

const missing = missingReason(
  inject('kafka'),
  (await isOnPath('openssl')) ? {} : { missing: 'openssl is not installed' },
);

describe.skipIf(missing)('TLS against real brokers with certificates of a private authority', () => {
  let folder: string;
  let tlsOnly: Kafka;
  let withScram: Kafka;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'kafka-tls-'));
    makeCertificate(folder, 'authority', { subjectAltName: 'DNS:authority' });
    makeCertificate(folder, 'another-authority', { subjectAltName: 'DNS:another-authority' });
    makeCertificate(folder, 'broker', { subjectAltName: 'IP:127.0.0.1', authority: 'authority' });
    [tlsOnly, withScram] = await Promise.all([
      startKafka({ brokers: 1, config: { ...tls(), ...clientListener('SSL') } }),
      startKafka({
        brokers: 1,
        scramUsers: [{ mechanism: 'SCRAM-SHA-512', ...USER }],
        config: {
          ...tls(),
          ...clientListener('SASL_SSL'),
          'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
          'listener.name.client.scram-sha-512.sasl.jaas.config':
            'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        },
      }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([tlsOnly?.close(), withScram?.close()]);
    rmSync(folder, { recursive: true });
  });

  const file = (name: string) => path.join(folder, name);
  /** A PEM file as one line of a properties file. */
  const pem = (name: string) => readFileSync(file(name), 'utf8').trim().replaceAll('\n', '\\n');
  const tls = () => ({
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': pem('broker.key'),
    'ssl.keystore.certificate.chain': pem('broker.crt'),
  });
  const clientListener = (protocol: string) => ({
    'listener.security.protocol.map': `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
  });
  const trusting = (authority: string) => ({ KAFKA_SSL_CA_FILE: file(`${authority}.crt`) });
  const toTlsOnly = (): Environment => ({ KAFKA_BROKERS: tlsOnly.brokers.join(','), KAFKA_SSL: 'true' });
  const toScram = (): Environment => ({
    KAFKA_BROKERS: withScram.brokers.join(','),
    KAFKA_SSL: 'true',
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: USER.name,
    KAFKA_SASL_PASSWORD: USER.password,
    ...trusting('authority'),
  });

  test('TLS alone carries records', async () => {
    await expectToCarryRecords({ ...toTlsOnly(), ...trusting('authority') }, 'tls');
  });

  test('TLS with SCRAM-SHA-512 carries records', async () => {
    await expectToCarryRecords(toScram(), 'tls-scram');
  });

  test('[P10] a wrong password over TLS is told', async () => {
    const env = { ...toScram(), KAFKA_SASL_PASSWORD: 'wrong' };
    await expectToBeRefused(env, { error: /SASL credentials/, health: /SASL/ });
  });

  test('[P10] a mechanism that the brokers do not offer is told', async () => {
    const env = { ...toScram(), KAFKA_SASL_MECHANISM: 'scram-sha-256' };
    await expectToBeRefused(env, { error: /UNSUPPORTED_SASL_MECHANISM/, health: /SASL mechanism/ });
  });

  test.each([
    ['nobody', () => ({})],
    ['another authority', () => trusting('another-authority')],
  ])('[P10] a certificate that is not trusted is told: trusting %s', async (_, trust) => {
    const found = { error: /certificate is not trusted.*KAFKA_SSL_CA_FILE/, health: /certificate/ };
    await expectToBeRefused({ ...toTlsOnly(), ...trust() }, found);
  });

  test('[P10] a certificate for another host is told', async () => {
    const [broker = ''] = tlsOnly.brokers;
    const env = { KAFKA_SSL: 'true', ...trusting('authority') };
    await expectToBeRefused(
      { ...env, KAFKA_BROKERS: broker.replace('127.0.0.1', 'localhost') },
      { error: /certificate is for another host.*localhost/, health: /localhost/ },
    );
  });

  // A process, because Node.js reads NODE_EXTRA_CA_CERTS only when it starts.
  test('the authority may also come from NODE_EXTRA_CA_CERTS', async () => {
    const lagMonitor = ['processors/lag-monitor/main.ts', '--once', '--json'];
    const look = (env: Environment) => run(process.execPath, lagMonitor, { cwd: ROOT, env });
    const env = { ...toTlsOnly(), TELEMETRY_TOPIC: 'tls', CONSUMER_GROUP: 'tls' };
    const seen = await look({ ...env, NODE_EXTRA_CA_CERTS: file('authority.crt') });
    expect(JSON.parse(seen)).toMatchObject({ topic: 'tls', group: 'tls' });
    await expect(look(env)).rejects.toThrow(/exit code 2\)[\s\S]*certificate/);
  });
});
