/**
 * Who can do something about an error code:
 *
 * - `retriable`: time. Leaders move, replicas catch up, brokers come back.
 * - `record`: nobody. The broker will never take this record; others of the same batch it may take.
 * - `configuration`: the operator. Retried slowly, since rights and policies are changed under running processes, but
 *   said at once and as what it is.
 * - `fatal`: a developer. Broker and client do not speak the same protocol; the process must not go on.
 */
export type ErrorKind = 'retriable' | 'record' | 'configuration' | 'fatal';

export interface KafkaErrorCode {
  readonly name: string;
  readonly kind: ErrorKind;
}

/** The one table of Kafka's error codes, as far as they can reach us (https://kafka.apache.org/protocol.html#protocol_error_codes). */
const CODES: Readonly<Record<number, readonly [name: string, kind: ErrorKind]>> = {
  [-1]: ['UNKNOWN_SERVER_ERROR', 'retriable'],
  1: ['OFFSET_OUT_OF_RANGE', 'retriable'],
  2: ['CORRUPT_MESSAGE', 'retriable'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'retriable'],
  5: ['LEADER_NOT_AVAILABLE', 'retriable'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'retriable'],
  7: ['REQUEST_TIMED_OUT', 'retriable'],
  8: ['BROKER_NOT_AVAILABLE', 'retriable'],
  9: ['REPLICA_NOT_AVAILABLE', 'retriable'],
  10: ['MESSAGE_TOO_LARGE', 'record'],
  12: ['OFFSET_METADATA_TOO_LARGE', 'fatal'],
  13: ['NETWORK_EXCEPTION', 'retriable'],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'retriable'],
  15: ['COORDINATOR_NOT_AVAILABLE', 'retriable'],
  16: ['NOT_COORDINATOR', 'retriable'],
  17: ['INVALID_TOPIC_EXCEPTION', 'configuration'],
  18: ['RECORD_LIST_TOO_LARGE', 'record'],
  19: ['NOT_ENOUGH_REPLICAS', 'retriable'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retriable'],
  21: ['INVALID_REQUIRED_ACKS', 'fatal'],
  22: ['ILLEGAL_GENERATION', 'retriable'],
  23: ['INCONSISTENT_GROUP_PROTOCOL', 'configuration'],
  24: ['INVALID_GROUP_ID', 'configuration'],
  25: ['UNKNOWN_MEMBER_ID', 'retriable'],
  26: ['INVALID_SESSION_TIMEOUT', 'configuration'],
  27: ['REBALANCE_IN_PROGRESS', 'retriable'],
  28: ['INVALID_COMMIT_OFFSET_SIZE', 'fatal'],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'configuration'],
  30: ['GROUP_AUTHORIZATION_FAILED', 'configuration'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'configuration'],
  32: ['INVALID_TIMESTAMP', 'record'],
  33: ['UNSUPPORTED_SASL_MECHANISM', 'configuration'],
  34: ['ILLEGAL_SASL_STATE', 'configuration'],
  35: ['UNSUPPORTED_VERSION', 'fatal'],
  37: ['INVALID_PARTITIONS', 'configuration'],
  38: ['INVALID_REPLICATION_FACTOR', 'configuration'],
  39: ['INVALID_REPLICA_ASSIGNMENT', 'configuration'],
  40: ['INVALID_CONFIG', 'configuration'],
  41: ['NOT_CONTROLLER', 'retriable'],
  42: ['INVALID_REQUEST', 'fatal'],
  43: ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'configuration'],
  44: ['POLICY_VIOLATION', 'configuration'],
  54: ['SECURITY_DISABLED', 'configuration'],
  56: ['KAFKA_STORAGE_ERROR', 'retriable'],
  58: ['SASL_AUTHENTICATION_FAILED', 'configuration'],
  74: ['FENCED_LEADER_EPOCH', 'retriable'],
  75: ['UNKNOWN_LEADER_EPOCH', 'retriable'],
  76: ['UNSUPPORTED_COMPRESSION_TYPE', 'configuration'],
  78: ['OFFSET_NOT_AVAILABLE', 'retriable'],
  79: ['MEMBER_ID_REQUIRED', 'retriable'],
  81: ['GROUP_MAX_SIZE_REACHED', 'configuration'],
  82: ['FENCED_INSTANCE_ID', 'retriable'],
  87: ['INVALID_RECORD', 'record'],
  88: ['UNSTABLE_OFFSET_COMMIT', 'retriable'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'retriable'],
};

/** A code that is not in the table is believed to pass: giving up what may yet go well would be the worse mistake. */
export function kafkaErrorCode(code: number): KafkaErrorCode {
  const [name, kind] = CODES[code] ?? [`error code ${code}`, 'retriable'];
  return { name, kind };
}

/** Errors of kafkajs that no code stands in: by name, as it has them. */
const NAMES: Readonly<Record<string, ErrorKind>> = {
  KafkaJSSASLAuthenticationError: 'configuration',
  // The broker knows none of the versions of a request that kafkajs can speak.
  KafkaJSServerDoesNotSupportApiKey: 'fatal',
  KafkaJSNotImplemented: 'fatal',
  KafkaJSUnsupportedMagicByteInMessageSet: 'fatal',
  KafkaJSInvariantViolation: 'fatal',
  TypeError: 'fatal',
  RangeError: 'fatal',
  ReferenceError: 'fatal',
  SyntaxError: 'fatal',
};

/** The most serious kind that an error, what caused it, and the errors it stands for have. */
export function kindOfError(error: unknown): ErrorKind {
  const kinds = new Set(Array.from(withCauses(error), kindOfOne));
  return SERIOUS_FIRST.find((kind) => kinds.has(kind)) ?? 'retriable';
}

const SERIOUS_FIRST: readonly ErrorKind[] = ['fatal', 'configuration', 'record'];

/** Of the error itself, whatever caused it. */
function kindOfOne(error: Error): ErrorKind {
  const code = codeOf(error);
  return code === undefined ? (NAMES[error.name] ?? 'retriable') : kafkaErrorCode(code).kind;
}

/** Of an error that stands for a broker's answer: kafkajs gives those the code and its name. */
export function codeOf(error: Error): number | undefined {
  if (!('type' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

/** An error, what caused it, and the errors it stands for (`KafkaJSAggregateError`). */
export function* withCauses(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return;
  yield error;
  if ('errors' in error && Array.isArray(error.errors))
    for (const each of error.errors) yield* withCauses(each);
  yield* withCauses(error.cause);
}
