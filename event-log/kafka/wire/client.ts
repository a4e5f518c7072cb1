import { Kafka, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';
import type { KafkaEventLogOptions } from '#event-log/kafka/options.ts';
import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { boundAnswers } from './bound-answers.ts';
import { registerCodecs } from './codecs.ts';
import { letRecordsIn } from './record-tunnel.ts';
import { createSockets } from './sockets.ts';
import { preventTimerSpin } from './timer-spin.ts';

/** Milliseconds to open a TCP (and TLS) connection. */
export const CONNECT_MS = 2_000;
/** Milliseconds a broker may take for an answer that does not have to wait for anything. */
export const ANSWER_MS = 3_000;

/**
 * A new kafkajs client. One per consumer: consumers of one client share, by group, a cache of committed offsets, and
 * would overwrite each other's. Its retries are few, because every loop that matters is our own.
 */
export function createKafka(options: KafkaEventLogOptions, telemetry: KafkaTelemetry): Kafka {
  preventTimerSpin();
  boundAnswers();
  registerCodecs();
  letRecordsIn();
  return new Kafka(kafkaConfig(options, telemetry));
}

export function kafkaConfig(options: KafkaEventLogOptions, telemetry: KafkaTelemetry): KafkaConfig {
  return {
    brokers: [...options.brokers],
    clientId: options.clientId,
    ssl: options.ssl,
    ...(options.sasl === undefined ? {} : { sasl: saslOptions(options.sasl) }),
    socketFactory: createSockets(),
    connectionTimeout: CONNECT_MS,
    requestTimeout: ANSWER_MS,
    retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => relayLogEntry(entry, telemetry),
  };
}

/** SASL as kafkajs wants it. */
export function saslOptions(sasl: NonNullable<KafkaEventLogOptions['sasl']>): SASLOptions {
  const { username, password } = sasl;
  return { mechanism: sasl.mechanism, username, password };
}

/** What kafkajs adds to its lines, as far as it is worth keeping. Never what was sent or received. */
const KEPT_FIELDS = [
  'broker',
  'groupId',
  'memberId',
  'topic',
  'partition',
  'error',
  'retryCount',
  'memberAssignment',
];

/**
 * kafkajs calls every lost connection an error; what that means for us is said by our own events (`event log cannot be
 * written`), so its errors are warnings here and its information is for debugging.
 */
function relayLogEntry({ level, namespace, log }: LogEntry, telemetry: KafkaTelemetry): void {
  const fields: Record<string, unknown> = { namespace };
  for (const name of KEPT_FIELDS) {
    const value: unknown = log[name];
    if (value !== undefined) fields[name] = value instanceof Error ? value.message : value;
  }
  telemetry.clientSaid(level <= logLevel.WARN ? 'warn' : 'debug', log.message, fields);
}
