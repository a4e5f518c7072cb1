import type { Limits } from '#contract/limits.ts';
import type { AuditLogOptions } from '#runtime/audit-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { assembleHttp, assembleMqtt } from '#runtime/exposure.ts';
import { assembleLimits } from '#runtime/limit-variables.ts';
import type { LOG_LEVELS } from '#runtime/logger.ts';
import {
  type Environment,
  type ReadFile,
  readVariables,
  type VariablesRead,
} from '#runtime/read-variables.ts';
import type { TokenSettings } from '#runtime/token-variables.ts';
import type { Values } from '#runtime/variables.ts';

/** The settings by part, as the parts take them. All durations in milliseconds. */
export interface Settings {
  readonly dataDir: string;
  readonly mqtt: {
    readonly host: string;
    /** Of plain MQTT; `undefined` = off. */
    readonly port: number | undefined;
    readonly tls: MqttTlsSettings | undefined;
    readonly webSocketPort: number | undefined;
    /** Web pages whose scripts may connect; `*` = all. */
    readonly webSocketOrigins?: readonly string[];
    /** Each connection begins with a header of the PROXY protocol. */
    readonly proxyProtocol?: boolean;
    readonly credentialsFile: string | undefined;
    /** `undefined` = bans are kept in memory only. */
    readonly bansFile?: string | undefined;
    /** `undefined` = tokens let nobody in. */
    readonly tokens?: TokenSettings | undefined;
    readonly allowAnonymous: boolean;
    readonly ackDeadlineMs: number;
  };
  readonly console: {
    readonly isOn: boolean;
    /** HTTP addresses of the processes that it shows; `undefined` = none were named. */
    readonly targets: readonly string[] | undefined;
  };
  /** Brokers to read from; `undefined` = none. */
  readonly source: SourceSettings | undefined;
  readonly http: {
    readonly host: string;
    readonly port: number | undefined;
    /** Whoever asks must show it; `undefined` = nobody has to. */
    readonly token: string | undefined;
    /** Of the console; opens all but the metrics. */
    readonly password: string | undefined;
    /** Names by which the server may be asked, beside addresses and names without a dot. */
    readonly allowedHosts: readonly string[];
    /** Addresses and networks of proxies whose word on who asks is believed. */
    readonly trustedProxies: readonly string[];
  };
  readonly kafka: KafkaSettings | undefined;
  readonly influx: InfluxSettings | undefined;
  /** All bounds, those included that nobody can set. */
  readonly limits: Limits;
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
  readonly shippedSchemas: boolean;
  /** Shipped mapping files that are switched on, by name. */
  readonly mappings: readonly string[];
  readonly mappingDir: string | undefined;
  /** Time zone of devices that send local times; `undefined` = the machine's. */
  readonly siteZone: string | undefined;
  /** `undefined` = there is none. */
  readonly auditLog: AuditLogOptions | undefined;
  /** Labels of devices that become tags of the store. */
  readonly storeTags: readonly string[];
  readonly storeRejectAll: 'pause' | 'dead-letter';
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface MqttTlsSettings {
  readonly port?: number | undefined;
  readonly webSocketPort?: number | undefined;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
  readonly crlFile?: string | undefined;
  /** As OpenSSL writes them; `undefined` = the gateway's choice. */
  readonly ciphers?: string | undefined;
}

export interface SourceSettings {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`; each another broker. */
  readonly urls: readonly string[];
  /** `undefined` = the pipeline's own topics, and those of the mappings in force. */
  readonly topics: readonly string[] | undefined;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly version: '3.1.1' | '5';
  readonly maxDevices: number;
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
  /** Undefined: as many as the cluster allows, at most three. */
  readonly replicationFactor: number | undefined;
}

export interface InfluxSettings {
  readonly url: string;
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
}

/** The settings as far as they can be told; where a variable is wrong its default stands in for it. */
export interface DraftSettings extends Omit<VariablesRead, 'kafkaCertificates'> {
  readonly settings: Settings;
}

/**
 * Reads the environment. An empty variable counts as not set (compose files pass those). Secrets may come from
 * `<NAME>_FILE`.
 *
 * @returns the settings, and warnings about names that look like ours but are not.
 * @throws PipelineError `configuration` with one line per problem, each naming its variable and what was expected.
 */
export function readSettings(
  env: Environment,
  readFile: ReadFile,
): Pick<DraftSettings, 'settings' | 'warnings'> {
  const { settings, problems, warnings } = draftSettings(env, readFile);
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  return { settings, warnings };
}

/** As {@link readSettings}, for whoever has more to check, and tells all problems at once. */
export function draftSettings(env: Environment, readFile: ReadFile): DraftSettings {
  const { values, kafkaCertificates, ...judgement } = readVariables(env, readFile);
  return { settings: assemble(values, kafkaCertificates), values, ...judgement };
}

function assemble(values: Values, kafkaCertificates: string | undefined): Settings {
  const hours = 60 * 60 * 1000;
  return {
    dataDir: values.DATA_DIR,
    mqtt: assembleMqtt(values),
    source: assembleSource(values),
    http: assembleHttp(values),
    console: { isOn: values.CONSOLE === 'on', targets: values.CONSOLE_TARGETS },
    kafka: assembleKafka(values, kafkaCertificates),
    influx: assembleInflux(values),
    limits: assembleLimits(values),
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
    shippedSchemas: values.SHIPPED_SCHEMAS,
    mappings: values.MAPPINGS ?? [],
    mappingDir: values.MAPPING_DIR,
    siteZone: values.SITE_ZONE,
    auditLog:
      values.AUDIT_LOG_FILE === undefined
        ? undefined
        : {
            file: values.AUDIT_LOG_FILE,
            maxBytes: values.AUDIT_LOG_MAX_BYTES,
            files: values.AUDIT_LOG_FILES,
          },
    storeTags: values.STORE_TAGS,
    storeRejectAll: values.STORE_REJECT_ALL,
    logLevel: values.LOG_LEVEL,
  };
}

function assembleSource(values: Values): SourceSettings | undefined {
  const { MQTT_SOURCE_URL: urls } = values;
  if (urls === undefined) return undefined;
  return {
    urls,
    topics: values.MQTT_SOURCE_TOPICS,
    clientId: values.MQTT_SOURCE_CLIENT_ID,
    username: values.MQTT_SOURCE_USERNAME,
    password: values.MQTT_SOURCE_PASSWORD,
    caFile: values.MQTT_SOURCE_CA_FILE,
    certFile: values.MQTT_SOURCE_CERT_FILE,
    keyFile: values.MQTT_SOURCE_KEY_FILE,
    version: values.MQTT_SOURCE_VERSION,
    maxDevices: values.MQTT_SOURCE_MAX_DEVICES,
  };
}

function assembleKafka(values: Values, ca: string | undefined): KafkaSettings | undefined {
  const {
    KAFKA_BROKERS: brokers,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = values;
  if (brokers === undefined) return undefined;
  const sasl =
    mechanism === undefined || username === undefined || password === undefined
      ? undefined
      : { mechanism, username, password };
  return {
    brokers,
    ssl: ca === undefined ? values.KAFKA_SSL : { ca },
    sasl,
    topicPartitions: values.TOPIC_PARTITIONS,
    replicationFactor: values.TOPIC_REPLICATION_FACTOR,
  };
}

function assembleInflux(values: Values): InfluxSettings | undefined {
  const { INFLUX_URL: url, INFLUX_TOKEN: token, INFLUX_ORG: org, INFLUX_BUCKET: bucket } = values;
  return url === undefined || token === undefined || org === undefined || bucket === undefined
    ? undefined
    : { url, token, org, bucket };
}
