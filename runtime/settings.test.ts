import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { PipelineError } from '#runtime/errors.ts';
import { listVariables } from '#runtime/list-variables.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';
import { usableMemory } from '#runtime/usable-memory.ts';

type Env = Record<string, string>;

const noFiles = (path: string): string => {
  throw new Error(`no such file: ${path}`);
};

function settingsOf(env: Env, readFile = noFiles): Settings {
  return readSettings(env, readFile).settings;
}

function problemsOf(env: Env, readFile = noFiles): string[] {
  try {
    readSettings(env, readFile);
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'configuration') return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('are the embedded default without any variable', () => {
    expect(settingsOf({})).toMatchObject({
      dataDir: './data',
      mqtt: { host: '127.0.0.1', port: 1883, allowAnonymous: true, ackDeadlineMs: 10_000, tls: undefined },
      http: { host: '127.0.0.1', port: undefined },
      kafka: undefined,
      influx: undefined,
      topics: { telemetry: 'telemetry.readings', deadLetters: 'telemetry.readings.dlq' },
      consumerGroup: 'telemetry-writer',
    });
  });

  it('take an empty variable as not set', () => {
    expect(settingsOf({ MQTT_PORT: '', KAFKA_BROKERS: '' })).toMatchObject({
      mqtt: { port: 1883 },
      kafka: undefined,
    });
  });

  it('[P10] name every wrong variable at once, with what was expected', () => {
    expect(
      problemsOf({
        MQTT_PORT: 'abc',
        HTTP_PORT: '70000',
        KAFKA_BROKERS: 'kafka',
        KAFKA_SASL_MECHANISM: 'plain',
        ALLOW_ANONYMOUS: 'yes',
        INFLUX_URL: 'ftp://x',
        LOG_LEVEL: 'loud',
        TELEMETRY_TOPIC: 'a b',
        ACK_DEADLINE_MS: '0',
      }),
    ).toEqual([
      'MQTT_PORT: expected a port number or "off", found "abc"',
      'ALLOW_ANONYMOUS: expected "true", "false" or "insecure-network-allowed", found "yes"',
      'HTTP_PORT: expected a port number, found "70000"',
      'KAFKA_BROKERS: expected a list "host:port,host:port", found "kafka"',
      'TELEMETRY_TOPIC: expected a Kafka topic name: letters, digits, ". _ -", found "a b"',
      'INFLUX_URL: expected an http(s) address, found "ftp://x"',
      'ACK_DEADLINE_MS: expected milliseconds from 1, found "0"',
      expect.stringMatching(/^LOG_LEVEL: expected fatal, .*, found "loud"$/),
      'KAFKA_SASL_USERNAME: expected a user name, because KAFKA_SASL_MECHANISM is set',
      'KAFKA_SASL_PASSWORD: expected a password, because KAFKA_SASL_MECHANISM is set',
      'INFLUX_TOKEN: expected a token, because INFLUX_URL is set',
      'INFLUX_ORG: expected an organisation, because INFLUX_URL is set',
      'INFLUX_BUCKET: expected a bucket, because INFLUX_URL is set',
    ]);
  });

  it('name what is missing beside what is set', () => {
    expect(
      problemsOf({
        INFLUX_URL: 'http://127.0.0.1:8086',
        KAFKA_SASL_MECHANISM: 'plain',
        MQTT_TLS_PORT: '8883',
      }),
    ).toEqual([
      'MQTT_TLS_CERT_FILE: expected a PEM file, because MQTT_TLS_PORT is set',
      'MQTT_TLS_KEY_FILE: expected a PEM file, because MQTT_TLS_PORT is set',
      'KAFKA_SASL_USERNAME: expected a user name, because KAFKA_SASL_MECHANISM is set',
      'KAFKA_SASL_PASSWORD: expected a password, because KAFKA_SASL_MECHANISM is set',
      'INFLUX_TOKEN: expected a token, because INFLUX_URL is set',
      'INFLUX_ORG: expected an organisation, because INFLUX_URL is set',
      'INFLUX_BUCKET: expected a bucket, because INFLUX_URL is set',
    ]);
  });

  it('[P1] leave the replication to the cluster, however many of its addresses are typed', () => {
    for (const brokers of ['a:1', 'a:1, b:2,c:3,d:4']) {
      expect(settingsOf({ KAFKA_BROKERS: brokers }).kafka?.replicationFactor).toBeUndefined();
    }
    expect(settingsOf({ KAFKA_BROKERS: 'a:1, b:2,c:3' }).kafka?.brokers).toEqual(['a:1', 'b:2', 'c:3']);
    expect(settingsOf({ KAFKA_BROKERS: 'a:1', TOPIC_REPLICATION_FACTOR: '2' }).kafka?.replicationFactor).toBe(
      2,
    );
  });

  describe('of the authority of the Kafka brokers', () => {
    const env = { KAFKA_BROKERS: 'a:1', KAFKA_SSL: 'true', KAFKA_SSL_CA_FILE: '/etc/ca.crt' };

    it('hold its certificates, instead of those that Node.js trusts', () => {
      const pem = rootCertificates[0] as string;
      expect(settingsOf(env, () => pem).kafka?.ssl).toEqual({ ca: pem });
      expect(settingsOf({ ...env, KAFKA_SSL_CA_FILE: '' }).kafka?.ssl).toBe(true);
    });

    it('[P10] refuse a file that cannot be read, holds no certificate, or would not be used', () => {
      expect(problemsOf(env)).toEqual([
        'KAFKA_SSL_CA_FILE: expected a readable file of PEM certificates (no such file: /etc/ca.crt)',
      ]);
      expect(problemsOf(env, () => 'a key, perhaps')).toEqual([
        expect.stringMatching(
          /^KAFKA_SSL_CA_FILE: expected a readable file of PEM certificates \(.*no start line/,
        ),
      ]);
      expect(problemsOf({ ...env, KAFKA_SSL: '' }, () => rootCertificates[0] as string)).toEqual([
        'KAFKA_SSL: expected "true", because KAFKA_SSL_CA_FILE is set',
      ]);
    });
  });

  describe('of limits', () => {
    it('are those of the code, until they are set; what follows from them follows', () => {
      const unread = (bytes: number) => ({
        unreadInputBytes: Math.min(bytes, Math.floor(usableMemory() / 4)),
      });
      const { pointsPerTransaction: pointsPerWrite, bytesPerTransaction: bytesPerWrite } = LIMITS;
      const embedded = { pointsPerWrite, bytesPerWrite };
      expect(settingsOf({}).limits).toEqual({
        ...LIMITS,
        ...embedded,
        ...unread(LIMITS.unreadInputBytes),
      });
      const influx = { INFLUX_URL: 'http://h:1', INFLUX_ORG: 'o', INFLUX_BUCKET: 'b', INFLUX_TOKEN: 't' };
      expect(settingsOf(influx).limits).toEqual({ ...LIMITS, ...unread(LIMITS.unreadInputBytes) });
      expect(
        settingsOf({
          MQTT_CONNECTIONS: '20000',
          MQTT_MESSAGES_PER_SECOND: '0.5',
          MAX_READING_AGE_HOURS: '24',
          MAX_PAYLOAD_BYTES: '1024',
          STORE_WRITE_POINTS: '100',
          DEAD_LETTER_SHARE: '0.5',
        }).limits,
      ).toEqual({
        ...LIMITS,
        ...embedded,
        ...unread(2 * LIMITS.unreadInputBytes),
        connections: 20_000,
        reservedConnections: 2_000,
        connectionsPerAddress: 20_000,
        connectBurstPerAddress: 24_000,
        sessions: 40_000,
        messagesPerSecond: 0.5,
        messageBurst: 5,
        maxAgeMs: 24 * 60 * 60 * 1000,
        sessionExpirySeconds: 24 * 60 * 60,
        payloadBytes: 1024,
        pointsPerWrite: 100,
        deadLetterShare: 0.5,
      });
    });

    it('[P10] that contradict each other are told, all at once', () => {
      expect(
        problemsOf({
          MQTT_MESSAGES_PER_SECOND: '500',
          MQTT_MESSAGE_BURST: '100',
          MAX_PAYLOAD_BYTES: '1000000',
          MAX_PACKET_BYTES: '1000000',
          MQTT_INFLIGHT_BYTES_PER_DEVICE: '300000',
          MQTT_INFLIGHT_BYTES: '1048576',
          MQTT_INFLIGHT_MESSAGES_PER_DEVICE: '5000',
          MQTT_INFLIGHT_MESSAGES: '1000',
          EMBEDDED_MAX_BYTES: '2000000',
          STORE_RETENTION_DAYS: '6',
          MQTT_CONNECTIONS: '0',
        }),
      ).toEqual([
        'MQTT_CONNECTIONS: expected a whole number from 1 to 200000, found "0"',
        'MQTT_MESSAGE_BURST: expected at least 500, because MQTT_MESSAGES_PER_SECOND is 500, found 100',
        expect.stringMatching(
          /^MAX_PACKET_BYTES: expected at least 1004096, because .*MAX_PAYLOAD_BYTES=1000000/,
        ),
        'MQTT_INFLIGHT_BYTES_PER_DEVICE: expected at least 1000000, because MAX_PACKET_BYTES is 1000000, found 300000',
        'MQTT_INFLIGHT_MESSAGES: expected at least 5000, because MQTT_INFLIGHT_MESSAGES_PER_DEVICE is 5000, found 1000',
        expect.stringMatching(
          /^EMBEDDED_MAX_BYTES: expected at least 4000000, because .*DEAD_LETTER_SHARE=0.25/,
        ),
        expect.stringMatching(
          /^STORE_RETENTION_DAYS: expected at least 7, because .*MAX_READING_AGE_HOURS=168/,
        ),
      ]);
    });

    it('leave what log and store take to Kafka and InfluxDB, where those are', () => {
      const env = {
        KAFKA_BROKERS: 'a:1',
        INFLUX_URL: 'http://h:1',
        INFLUX_ORG: 'o',
        INFLUX_BUCKET: 'b',
        INFLUX_TOKEN: 't',
      };
      expect(problemsOf({ ...env, EMBEDDED_MAX_BYTES: '1', STORE_RETENTION_DAYS: '1' })).toEqual([]);
    });
  });

  it('read secrets from files, and never show them', () => {
    const env = {
      INFLUX_URL: 'http://h:1',
      INFLUX_ORG: 'o',
      INFLUX_BUCKET: 'b',
      INFLUX_TOKEN_FILE: '/run/token',
    };
    expect(settingsOf(env, () => 'secret\n').influx?.token).toBe('secret');
    expect(problemsOf({ ...env, INFLUX_TOKEN: 'hush' }).join()).not.toContain('hush');
    for (const INFLUX_URL of ['ftp://a:hush@h', 'a:hush@h:8086', 'http://a:hu/sh@h', 'http://a:hush@h:8086'])
      expect(problemsOf({ ...env, INFLUX_URL }, () => 'secret')).toEqual([expect.not.stringContaining('hu')]);
    expect(problemsOf(env)).toContain(
      'INFLUX_TOKEN_FILE: expected a readable file (no such file: /run/token)',
    );
  });

  it.each(['0.0.0.0/0', '::/0', '10.0.0.0/33', 'proxy.example', 'fe80::1%eth0'])(
    '[P9] refuse to trust %s as a proxy',
    (proxy) => {
      expect(problemsOf({ HTTP_TRUSTED_PROXIES: `10.0.0.7, ${proxy}` })).toEqual([
        expect.stringContaining('HTTP_TRUSTED_PROXIES: expected a list of addresses and networks'),
      ]);
      expect(problemsOf({ HTTP_TRUSTED_PROXIES: '10.0.0.7, 10.1.2.0/24, fd00:7::/64' })).toEqual([]);
    },
  );

  it('warn about names that look like ours', () => {
    const { warnings } = readSettings(
      { MQTT_PROT: '1', KAFKA_BROKERS: 'a:1', INFLUX_TOKEN_FILE: '' },
      noFiles,
    );
    expect(warnings).toEqual([
      'MQTT_PROT is set, but the pipeline knows no such variable (did you mean MQTT_PORT?)',
    ]);
  });

  it('all have a help text', () => {
    for (const { name, help } of listVariables()) expect(help, name).toMatch(/\.( .*)?$/);
  });
});
