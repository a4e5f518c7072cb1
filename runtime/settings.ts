import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { PipelineError } from '#runtime/errors.ts';
import { LOG_LEVELS } from '#runtime/logger.ts';

/**
 * Every environment variable of the pipeline: name, meaning, accepted values, default. One list for all processes, so
 * that they can share one environment, and so that a misspelt name can be told from one that another process reads.
 * `docs/configuration.md` is generated from it.
 */
const port = z.coerce
  .number('a port number')
  .int('a port number')
  .min(0, 'a port number')
  .max(65_535, 'a port number');
const positiveInteger = (what: string): z.ZodCoercedNumber =>
  z.coerce.number(what).int(what).positive(what) as z.ZodCoercedNumber;
const text = (what: string): z.ZodString => z.string(what).trim().min(1, what);
const flag = z.enum(['true', 'false'], '"true" or "false"').transform((word) => word === 'true');
const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'a Kafka topic name: letters, digits, ". _ -"');
const brokerList = text('a list "host:port,host:port"')
  .transform((list) => list.split(',').map((broker) => broker.trim()))
  .refine(
    (brokers) => brokers.every((broker) => /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(broker)),
    'a list "host:port,host:port"',
  );

const VARIABLES = {
  DATA_DIR: {
    schema: text('a folder').default('./data'),
    help: 'Folder of the embedded event log and telemetry store.',
  },
  MQTT_HOST: {
    schema: text('an address').default('127.0.0.1'),
    help: 'Address the MQTT listeners bind to. Beyond loopback, DEVICE_CREDENTIALS_FILE is required.',
  },
  MQTT_PORT: { schema: port.default(1883), help: 'MQTT over TCP.' },
  MQTT_TLS_PORT: {
    schema: port.optional(),
    help: 'MQTT over TLS; needs MQTT_TLS_CERT_FILE and MQTT_TLS_KEY_FILE.',
  },
  MQTT_TLS_CERT_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Server certificate (PEM, with its chain).',
  },
  MQTT_TLS_KEY_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Private key of the server certificate (PEM).',
  },
  MQTT_TLS_CA_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Certificate authority of the devices: set = a client certificate is required, its common name is the device id.',
  },
  MQTT_WS_PORT: { schema: port.optional(), help: 'MQTT over WebSocket.' },
  DEVICE_CREDENTIALS_FILE: {
    schema: text('a file').optional(),
    help: 'Who may connect; written by `npm run devices`, read again when it changes.',
  },
  ALLOW_ANONYMOUS: {
    schema: flag.optional(),
    help: 'Let devices in without a password. Default: true on loopback without a credentials file, else false.',
  },
  HTTP_HOST: { schema: text('an address').default('127.0.0.1'), help: 'Address the HTTP server binds to.' },
  HTTP_PORT: {
    schema: port.optional(),
    help: 'Health, readiness, metrics, API. Default: standalone and gateway 8080, processors 8081, lag-monitor 8082.',
  },
  KAFKA_BROKERS: {
    schema: brokerList.optional(),
    help: 'Set = the event log is Kafka. host:port, separated by commas.',
  },
  KAFKA_SSL: {
    schema: flag.default(false),
    help: 'Connect to Kafka over TLS. Trusted are the authorities that Node.js knows (NODE_EXTRA_CA_CERTS adds others), unless KAFKA_SSL_CA_FILE is set.',
  },
  KAFKA_SSL_CA_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Certificate authority of the brokers (PEM), trusted instead: for a private cluster. Needs KAFKA_SSL=true.',
  },
  KAFKA_SASL_MECHANISM: {
    schema: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'], 'plain, scram-sha-256 or scram-sha-512')
      .optional(),
    help: 'How to authenticate to Kafka.',
  },
  KAFKA_SASL_USERNAME: { schema: text('a user name').optional(), help: 'User of KAFKA_SASL_MECHANISM.' },
  KAFKA_SASL_PASSWORD: {
    schema: text('a password').optional(),
    help: 'Password of KAFKA_SASL_MECHANISM.',
    secret: true,
  },
  TELEMETRY_TOPIC: { schema: topicName.default('telemetry.readings'), help: 'Topic of accepted readings.' },
  DEAD_LETTER_TOPIC: { schema: topicName.default('telemetry.readings.dlq'), help: 'Topic of dead letters.' },
  DEAD_LETTER_STATE_TOPIC: {
    schema: topicName.default('telemetry.readings.dlq.state'),
    help: 'Compacted topic: what became of each dead letter.',
  },
  TOPIC_PARTITIONS: {
    schema: positiveInteger('a whole number from 1').default(12),
    help: 'Partitions of topics that are created (Kafka).',
  },
  TOPIC_REPLICATION_FACTOR: {
    schema: positiveInteger('a whole number from 1').optional(),
    help: 'Replicas of topics that are created. Default: min(3, brokers); min.insync.replicas is one less, at least 1.',
  },
  TELEMETRY_RETENTION_HOURS: {
    schema: positiveInteger('whole hours from 1').default(168),
    help: 'How long the log keeps readings.',
  },
  DEAD_LETTER_RETENTION_HOURS: {
    schema: positiveInteger('whole hours from 1').default(720),
    help: 'How long the log keeps dead letters.',
  },
  STORE_RETENTION_DAYS: {
    schema: positiveInteger('whole days from 1').default(90),
    help: 'How long the embedded store keeps readings.',
  },
  EMBEDDED_MAX_BYTES: {
    schema: positiveInteger('bytes from 1').default(10 * 1024 ** 3),
    help: 'Hard limit of the embedded event log; it alerts before.',
  },
  CONSUMER_GROUP: {
    schema: text('a group name').default('telemetry-writer'),
    help: 'Consumer group of the telemetry-writer.',
  },
  INFLUX_URL: {
    schema: z.url({ protocol: /^https?$/, error: 'an http(s) address' }).optional(),
    help: 'Set = the store is InfluxDB 2; needs INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET.',
  },
  INFLUX_TOKEN: {
    schema: text('a token').optional(),
    help: 'API token; write permission on the bucket is enough for the writer.',
    secret: true,
  },
  INFLUX_ORG: { schema: text('an organisation').optional(), help: 'Organisation.' },
  INFLUX_BUCKET: { schema: text('a bucket').optional(), help: 'Bucket.' },
  SCHEMA_DIR: {
    schema: text('a folder').optional(),
    help: 'Folder of schemas (<type>/<version>.json) used instead of the shipped ones.',
  },
  ACK_DEADLINE_MS: {
    schema: positiveInteger('milliseconds from 1').default(10_000),
    help: 'How long a message may wait for the log before its connection is closed without PUBACK.',
  },
  STORE_REJECT_ALL: {
    schema: z.enum(['pause', 'dead-letter'], 'pause or dead-letter').default('pause'),
    help: 'When the store refuses everything: keep the data and wait, or dead-letter it.',
  },
  LOG_LEVEL: {
    schema: z.enum(LOG_LEVELS, LOG_LEVELS.join(', ')).default('info'),
    help: 'Least severe level that is logged.',
  },
} as const satisfies Record<string, { schema: z.ZodType; help: string; secret?: boolean }>;

type Variables = typeof VARIABLES;
type Values = { [Name in keyof Variables]: z.output<Variables[Name]['schema']> };

/** The settings by part, as the parts take them. All durations in milliseconds. */
export interface Settings {
  readonly dataDir: string;
  readonly mqtt: {
    readonly host: string;
    readonly port: number;
    readonly tls: MqttTlsSettings | undefined;
    readonly webSocketPort: number | undefined;
    readonly credentialsFile: string | undefined;
    readonly allowAnonymous: boolean;
    readonly ackDeadlineMs: number;
  };
  readonly http: { readonly host: string; readonly port: number | undefined };
  readonly kafka: KafkaSettings | undefined;
  readonly influx: InfluxSettings | undefined;
  readonly topics: {
    readonly telemetry: string;
    readonly deadLetters: string;
    readonly deadLetterState: string;
  };
  readonly telemetryRetentionMs: number;
  readonly deadLetterRetentionMs: number;
  readonly storeRetentionDays: number;
  readonly embeddedMaxBytes: number;
  readonly consumerGroup: string;
  readonly schemaDir: string | undefined;
  readonly storeRejectAll: 'pause' | 'dead-letter';
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface MqttTlsSettings {
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
}

export interface KafkaSettings {
  readonly brokers: readonly string[];
  /** TLS: with the certificate authorities that Node.js trusts (true), or with these instead. */
  readonly ssl: boolean | { readonly ca: string };
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  readonly topicPartitions: number;
  readonly replicationFactor: number;
}

export interface InfluxSettings {
  readonly url: string;
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
}

/**
 * Reads the environment. An empty variable counts as not set (compose files pass those). Secrets may come from
 * `<NAME>_FILE`.
 *
 * @returns the settings, and warnings about names that look like ours but are not.
 * @throws PipelineError `configuration` with one line per problem, each naming its variable and what was expected.
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): { readonly settings: Settings; readonly warnings: readonly string[] } {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const raw = rawValue(name, 'secret' in variable, env, readFile, problems);
    const result = variable.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name}: expected ${result.error.issues[0]?.message ?? 'another value'}${found(raw, 'secret' in variable)}`,
      );
  }
  const settings = problems.length === 0 ? assemble(values as Values, readFile, problems) : undefined;
  if (settings === undefined || problems.length > 0)
    throw new PipelineError('configuration', problems.join('\n'));
  return { settings, warnings: unknownNames(env) };
}

/** The list for `--help` texts and the generated documentation. */
export function listVariables(): readonly {
  readonly name: string;
  readonly help: string;
  readonly default: string;
}[] {
  return Object.entries(VARIABLES).map(([name, variable]) => {
    const result = variable.schema.safeParse(undefined);
    const fallback = result.success && result.data !== undefined ? String(result.data) : '';
    return { name, help: variable.help, default: fallback };
  });
}

function rawValue(
  name: string,
  secret: boolean,
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined {
  const direct = env[name] || undefined;
  const file = secret ? env[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) problems.push(`${name}: set it or ${name}_FILE, not both`);
  try {
    return readFile(file).trim();
  } catch (error) {
    problems.push(
      `${name}_FILE: expected a readable file (${error instanceof Error ? error.message : String(error)})`,
    );
    return undefined;
  }
}

function found(raw: string | undefined, secret: boolean): string {
  return raw === undefined || secret ? '' : `, found ${JSON.stringify(raw)}`;
}

/** What can only be judged over several variables. */
function assemble(values: Values, readFile: (path: string) => string, problems: string[]): Settings {
  const loopback = isLoopback(values.MQTT_HOST);
  const allowAnonymous = values.ALLOW_ANONYMOUS ?? (loopback && values.DEVICE_CREDENTIALS_FILE === undefined);
  if (!loopback && values.DEVICE_CREDENTIALS_FILE === undefined && values.MQTT_TLS_CA_FILE === undefined) {
    problems.push(
      `DEVICE_CREDENTIALS_FILE: expected a file, because MQTT_HOST=${values.MQTT_HOST} can be reached from other machines`,
    );
  }
  const hours = 60 * 60 * 1000;
  return {
    dataDir: values.DATA_DIR,
    mqtt: {
      host: values.MQTT_HOST,
      port: values.MQTT_PORT,
      tls: assembleTls(values, problems),
      webSocketPort: values.MQTT_WS_PORT,
      credentialsFile: values.DEVICE_CREDENTIALS_FILE,
      allowAnonymous,
      ackDeadlineMs: values.ACK_DEADLINE_MS,
    },
    http: { host: values.HTTP_HOST, port: values.HTTP_PORT },
    kafka: assembleKafka(values, readFile, problems),
    influx: assembleInflux(values, problems),
    topics: {
      telemetry: values.TELEMETRY_TOPIC,
      deadLetters: values.DEAD_LETTER_TOPIC,
      deadLetterState: values.DEAD_LETTER_STATE_TOPIC,
    },
    telemetryRetentionMs: values.TELEMETRY_RETENTION_HOURS * hours,
    deadLetterRetentionMs: values.DEAD_LETTER_RETENTION_HOURS * hours,
    storeRetentionDays: values.STORE_RETENTION_DAYS,
    embeddedMaxBytes: values.EMBEDDED_MAX_BYTES,
    consumerGroup: values.CONSUMER_GROUP,
    schemaDir: values.SCHEMA_DIR,
    storeRejectAll: values.STORE_REJECT_ALL,
    logLevel: values.LOG_LEVEL,
  };
}

function assembleTls(values: Values, problems: string[]): MqttTlsSettings | undefined {
  const { MQTT_TLS_PORT: tlsPort, MQTT_TLS_CERT_FILE: certFile, MQTT_TLS_KEY_FILE: keyFile } = values;
  if (tlsPort === undefined) return undefined;
  if (certFile === undefined)
    problems.push('MQTT_TLS_CERT_FILE: expected a PEM file, because MQTT_TLS_PORT is set');
  if (keyFile === undefined)
    problems.push('MQTT_TLS_KEY_FILE: expected a PEM file, because MQTT_TLS_PORT is set');
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { port: tlsPort, certFile, keyFile, caFile: values.MQTT_TLS_CA_FILE };
}

function assembleKafka(
  values: Values,
  readFile: (path: string) => string,
  problems: string[],
): KafkaSettings | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = values;
  if (mechanism !== undefined) {
    if (username === undefined)
      problems.push('KAFKA_SASL_USERNAME: expected a user name, because KAFKA_SASL_MECHANISM is set');
    if (password === undefined)
      problems.push('KAFKA_SASL_PASSWORD: expected a password, because KAFKA_SASL_MECHANISM is set');
  }
  const sasl =
    mechanism === undefined || username === undefined || password === undefined
      ? undefined
      : { mechanism, username, password };
  const { KAFKA_BROKERS: brokers, KAFKA_SSL_CA_FILE: caFile } = values;
  if (caFile !== undefined && !values.KAFKA_SSL)
    problems.push('KAFKA_SSL: expected "true", because KAFKA_SSL_CA_FILE is set');
  const ca =
    caFile === undefined ? undefined : readCertificates('KAFKA_SSL_CA_FILE', caFile, readFile, problems);
  if (brokers === undefined) return undefined;
  return {
    brokers,
    ssl: ca === undefined ? values.KAFKA_SSL : { ca },
    sasl,
    topicPartitions: values.TOPIC_PARTITIONS,
    replicationFactor: values.TOPIC_REPLICATION_FACTOR ?? Math.min(3, brokers.length),
  };
}

/** Judged here, because Node.js takes a file without any certificate for "trust nobody". */
function readCertificates(
  name: string,
  file: string,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined {
  try {
    const pem = readFile(file);
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    problems.push(
      `${name}: expected a readable file of PEM certificates (${error instanceof Error ? error.message : String(error)})`,
    );
    return undefined;
  }
}

function assembleInflux(values: Values, problems: string[]): InfluxSettings | undefined {
  const { INFLUX_URL: url, INFLUX_TOKEN: token, INFLUX_ORG: org, INFLUX_BUCKET: bucket } = values;
  if (url === undefined) return undefined;
  if (token === undefined) problems.push('INFLUX_TOKEN: expected a token, because INFLUX_URL is set');
  if (org === undefined) problems.push('INFLUX_ORG: expected an organisation, because INFLUX_URL is set');
  if (bucket === undefined) problems.push('INFLUX_BUCKET: expected a bucket, because INFLUX_URL is set');
  return token === undefined || org === undefined || bucket === undefined
    ? undefined
    : { url, token, org, bucket };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(
    Object.entries(VARIABLES).flatMap(([name, variable]) =>
      'secret' in variable ? [name, `${name}_FILE`] : [name],
    ),
  );
  return Object.keys(env)
    .filter((name) => /^(MQTT|KAFKA|INFLUX)_/.test(name) && !known.has(name))
    .map((name) => `${name} is set, but the pipeline knows no such variable`);
}
