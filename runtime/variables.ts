import { z } from 'zod';
import { isLabelName } from '#contract/labels.ts';
import { OPEN_TO_NETWORK } from '#runtime/exposure.ts';
import { HTTP_VARIABLES } from '#runtime/http-variables.ts';
import { LIMIT_VARIABLES } from '#runtime/limit-variables.ts';
import { LOG_LEVELS } from '#runtime/logger.ts';
import { SOURCE_VARIABLES } from '#runtime/source-variables.ts';
import { TOKEN_VARIABLES } from '#runtime/token-variables.ts';
import {
  brokerList,
  flag,
  list,
  openToNetwork,
  port,
  positiveInteger,
  text,
  timeZone,
  topicName,
} from '#runtime/variable-kinds.ts';

/**
 * Every environment variable of the pipeline: name, meaning, accepted values, default. One list for all processes, so
 * that they can share one environment, and so that a misspelt name can be told from one that another process reads.
 * `docs/configuration.md` is generated from it.
 */
export const VARIABLES = {
  DATA_DIR: {
    schema: text('a folder').default('./data'),
    help: 'Folder of the embedded event log and telemetry store.',
  },
  MQTT_HOST: {
    schema: text('an address').default('127.0.0.1'),
    help: 'Address the MQTT listeners bind to. Beyond loopback, devices must show who they are (DEVICE_CREDENTIALS_FILE, JWT_JWKS_FILE, JWT_JWKS_URL or MQTT_TLS_CA_FILE), over TLS.',
  },
  MQTT_PORT: {
    schema: z.union([z.literal('off'), port], 'a port number or "off"').default(1883),
    help: 'MQTT over TCP; `off` = TLS only.',
  },
  MQTT_PLAIN: {
    schema: openToNetwork.optional(),
    help: '`insecure-network-allowed` = MQTT_PORT and MQTT_WS_PORT may be reached from other machines without TLS.',
  },
  MQTT_TLS_PORT: {
    schema: port.optional(),
    help: 'MQTT over TLS; needs MQTT_TLS_CERT_FILE and MQTT_TLS_KEY_FILE.',
  },
  MQTT_TLS_CERT_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Server certificate (PEM, with its chain). The three TLS files are read again when they change.',
  },
  MQTT_TLS_KEY_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Private key of the server certificate (PEM).',
  },
  MQTT_TLS_CA_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Certificate authority of the devices: set = a client certificate is required, its common name is the device id.',
  },
  MQTT_TLS_CRL_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Lists of revoked certificates of MQTT_TLS_CA_FILE (PEM), one for each authority. Once a list is out of date, TLS refuses every certificate of its authority.',
  },
  MQTT_TLS_CIPHERS: {
    schema: text('a list of ciphers as OpenSSL writes it').optional(),
    help: 'Ciphers of the TLS listeners, as OpenSSL writes them. Default: ECDHE with AES-GCM or ChaCha20 only; old devices may need others.',
  },
  MQTT_WS_PORT: { schema: port.optional(), help: 'MQTT over WebSocket.' },
  MQTT_WSS_PORT: {
    schema: port.optional(),
    help: 'MQTT over WebSocket over TLS; needs MQTT_TLS_CERT_FILE and MQTT_TLS_KEY_FILE.',
  },
  MQTT_WS_ORIGINS: {
    schema: list('origins').default([]),
    help: 'Web pages whose scripts may connect over WebSocket, as https://app.example, separated by commas; `*` = all. Clients that are no browsers name none; paho-mqtt names what it connects to, which is needed here when that is a name with a dot: https://mqtt.example:8084.',
  },
  MQTT_PROXY_PROTOCOL: {
    schema: flag.default(false),
    help: 'Each MQTT connection begins with a header of the PROXY protocol (version 1 or 2), so that the addresses of devices are known behind a balancer. Only the balancer may reach the ports then: whoever else can, can say any address.',
  },
  DEVICE_CREDENTIALS_FILE: {
    schema: text('a file').optional(),
    help: 'Who may connect; written by `npm run devices`, read again when it changes.',
  },
  BANS_FILE: {
    schema: text('a file').optional(),
    help: 'Whom to keep out; written by `npm run bans` and by gateways, read again when it changes. Default: bans.json in DATA_DIR.',
  },
  ALLOW_ANONYMOUS: {
    schema: z.enum(['true', 'false', OPEN_TO_NETWORK], `"true", "false" or "${OPEN_TO_NETWORK}"`).optional(),
    help: 'Let devices in without a password. Default: true on loopback without a credentials file, else false. Beyond loopback only `insecure-network-allowed` does.',
  },
  ...TOKEN_VARIABLES,
  ...SOURCE_VARIABLES,
  ...HTTP_VARIABLES,
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
    help: 'Replicas of topics that are created. Default: one on each broker of the cluster, at most 3; min.insync.replicas is one less, at least 1.',
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
  CLOCK_CONFIRMED: {
    schema: z.iso
      .datetime({ offset: true, error: 'a time such as 2026-01-31T08:00:00Z' })
      .transform((time) => Date.parse(time))
      .optional(),
    help: "A person looked at the machine's clock at this time of it, and found it right: what it jumped until a day later, a long stop included, is believed at the next start (embedded log and store; docs/runbooks/ClockJumped.md).",
  },
  CONSUMER_GROUP: {
    schema: text('a group name').default('telemetry-writer'),
    help: 'Consumer group of the telemetry-writer.',
  },
  INFLUX_URL: {
    schema: z
      .url({ protocol: /^https?$/, error: 'an http(s) address' })
      .refine((url) => !url.includes('@'), 'an address without user and password (INFLUX_TOKEN is for that)')
      .optional(),
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
    help: 'Folder of schemas of your own (<type>/<version>.json), added to the shipped ones.',
  },
  SHIPPED_SCHEMAS: {
    schema: flag.default(true),
    help: 'false leaves the shipped schemas out: only those of SCHEMA_DIR are there.',
  },
  MAPPINGS: {
    schema: text('a list of names')
      .transform((list) => list.split(',').map((name) => name.trim()))
      .optional(),
    help: 'Shipped mappings of foreign topics and payloads that are switched on, separated by commas: `tasmota,zigbee2mqtt` (the files of `mappings/`). For every process of the pipeline.',
  },
  MAPPING_DIR: {
    schema: text('a folder').optional(),
    help: 'Folder of your own mapping files (docs/mapping.md). Read again when they change.',
  },
  SITE_ZONE: {
    schema: timeZone.optional(),
    help: 'Time zone of devices that send local times without one (`"zone": "site"` in mappings). Default: that of the machine.',
  },
  ACK_DEADLINE_MS: {
    schema: positiveInteger('milliseconds from 1').default(10_000),
    help: 'How long a message may wait for the log before its connection is closed without PUBACK.',
  },
  STORE_TAGS: {
    schema: list('labels')
      .refine(
        (names) => names.every(isLabelName),
        'a list of labels (1–32 of a-z 0-9 _, not device, time, seq)',
      )
      .default([]),
    help: 'Labels of devices (docs/devices.md) that become tags of the store, separated by commas: `site,line`. Every other value that a label of a device takes is a new series: no serial numbers, versions or dates.',
  },
  STORE_REJECT_ALL: {
    schema: z.enum(['pause', 'dead-letter'], 'pause or dead-letter').default('pause'),
    help: 'When the store refuses everything: keep the data and wait, or dead-letter it.',
  },
  ...LIMIT_VARIABLES,
  AUDIT_LOG_FILE: {
    schema: text('a file').optional(),
    help: 'Set = a file of JSON lines that tells who connected, was refused or banned, and who changed credentials, bans or dead letters.',
  },
  AUDIT_LOG_MAX_BYTES: {
    schema: positiveInteger('bytes from 1').default(10 * 1024 ** 2),
    help: 'Size at which the audit log begins a new file; the older one becomes AUDIT_LOG_FILE.1, and so on.',
  },
  AUDIT_LOG_FILES: {
    schema: positiveInteger('a whole number from 1').default(5),
    help: 'Older files of the audit log that are kept.',
  },
  LOG_LEVEL: {
    schema: z.enum(LOG_LEVELS, LOG_LEVELS.join(', ')).default('info'),
    help: 'Least severe level that is logged.',
  },
} as const satisfies Record<string, { schema: z.ZodType; help: string; secret?: boolean }>;

type Variables = typeof VARIABLES;
export type VariableName = keyof Variables;
/** What was found in the environment, or the defaults; each accepted by itself. */
export type Values = { [Name in keyof Variables]: z.output<Variables[Name]['schema']> };
