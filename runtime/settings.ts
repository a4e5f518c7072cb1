import { X509Certificate } from 'node:crypto';
import { PipelineError } from '#runtime/errors.ts';
import { assembleHttp, assembleMqtt } from '#runtime/exposure.ts';
import type { LOG_LEVELS } from '#runtime/logger.ts';
import { VARIABLES, type Values } from '#runtime/variables.ts';

/** The settings by part, as the parts take them. All durations in milliseconds. */
export interface Settings {
  readonly dataDir: string;
  readonly mqtt: {
    readonly host: string;
    /** Of plain MQTT; `undefined` = off. */
    readonly port: number | undefined;
    readonly tls: MqttTlsSettings | undefined;
    readonly webSocketPort: number | undefined;
    readonly credentialsFile: string | undefined;
    readonly allowAnonymous: boolean;
    readonly ackDeadlineMs: number;
  };
  readonly http: {
    readonly host: string;
    readonly port: number | undefined;
    /** Whoever asks must show it; `undefined` = nobody has to. */
    readonly token: string | undefined;
    /** Names by which the server may be asked, beside addresses and names without a dot. */
    readonly allowedHosts: readonly string[];
  };
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
  /** A time of the machine's clock at which a person found it right. */
  readonly clockConfirmedMs: number | undefined;
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
  if (raw === undefined || secret) return '';
  // An address may carry a password, and a wrong one anywhere.
  return raw.includes('@') ? ', found something with an "@", not shown' : `, found ${JSON.stringify(raw)}`;
}

/** What can only be judged over several variables. */
function assemble(values: Values, readFile: (path: string) => string, problems: string[]): Settings {
  const hours = 60 * 60 * 1000;
  return {
    dataDir: values.DATA_DIR,
    mqtt: assembleMqtt(values, problems),
    http: assembleHttp(values, problems),
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
    clockConfirmedMs: values.CLOCK_CONFIRMED,
    consumerGroup: values.CONSUMER_GROUP,
    schemaDir: values.SCHEMA_DIR,
    storeRejectAll: values.STORE_REJECT_ALL,
    logLevel: values.LOG_LEVEL,
  };
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
