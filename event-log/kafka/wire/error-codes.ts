import { describeError } from '#runtime/errors.ts';

/**
 * Who can do something about an error code:
 *
 * - `retriable`: time. Leaders move, replicas catch up, brokers come back.
 * - `record`: nobody. The broker will never take this record; others of the same batch it may take.
 * - `configuration`: the operator. Said at once and as what it is. Questions are not asked again; appends and consumers
 *   try again slowly, since rights and policies are changed under running processes.
 * - `fatal`: a developer. Broker and client do not speak the same protocol. A consumer's process ends; appends are like
 *   `configuration`: a gateway that is down keeps its devices waiting, one that restarts for ever does no more.
 *
 * What a kind means in the end: `append/append-failure.ts`, `consume/consumer-failure.ts`, `ask/patience.ts`.
 */
export type ErrorKind = 'retriable' | 'record' | 'configuration' | 'fatal';

export interface KafkaErrorCode {
  readonly name: string;
  readonly kind: ErrorKind;
}

/**
 * The one table of Kafka's error codes (https://kafka.apache.org/protocol.html#protocol_error_codes). Left out is what only
 * requests are answered with that we never send: transactions, idempotence, tokens, quotas, elections, reassignments,
 * brokers among themselves, the group protocols of Kafka 4.
 */
const CODES: Readonly<Record<number, readonly [name: string, kind: ErrorKind]>> = {
  // Of a Fetch it may be damage on the broker's disk, as CORRUPT_MESSAGE and INVALID_RECORD: `ask/fetch-partition.ts`.
  [-1]: ['UNKNOWN_SERVER_ERROR', 'retriable'],
  1: ['OFFSET_OUT_OF_RANGE', 'retriable'],
  2: ['CORRUPT_MESSAGE', 'retriable'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'retriable'],
  4: ['INVALID_FETCH_SIZE', 'fatal'],
  5: ['LEADER_NOT_AVAILABLE', 'retriable'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'retriable'],
  7: ['REQUEST_TIMED_OUT', 'retriable'],
  8: ['BROKER_NOT_AVAILABLE', 'retriable'],
  9: ['REPLICA_NOT_AVAILABLE', 'retriable'],
  10: ['MESSAGE_TOO_LARGE', 'record'],
  11: ['STALE_CONTROLLER_EPOCH', 'retriable'],
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
  // Of this machine's clock, or the broker's: a batch carries the time at which it is sent, and gets another one.
  32: ['INVALID_TIMESTAMP', 'configuration'],
  33: ['UNSUPPORTED_SASL_MECHANISM', 'configuration'],
  34: ['ILLEGAL_SASL_STATE', 'configuration'],
  35: ['UNSUPPORTED_VERSION', 'fatal'],
  // Another process was faster.
  36: ['TOPIC_ALREADY_EXISTS', 'retriable'],
  37: ['INVALID_PARTITIONS', 'configuration'],
  38: ['INVALID_REPLICATION_FACTOR', 'configuration'],
  39: ['INVALID_REPLICA_ASSIGNMENT', 'configuration'],
  40: ['INVALID_CONFIG', 'configuration'],
  41: ['NOT_CONTROLLER', 'retriable'],
  42: ['INVALID_REQUEST', 'fatal'],
  43: ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'configuration'],
  // Of a Produce it concerns records: `append/append-failure.ts`.
  44: ['POLICY_VIOLATION', 'configuration'],
  54: ['SECURITY_DISABLED', 'configuration'],
  56: ['KAFKA_STORAGE_ERROR', 'retriable'],
  57: ['LOG_DIR_NOT_FOUND', 'retriable'],
  58: ['SASL_AUTHENTICATION_FAILED', 'configuration'],
  60: ['REASSIGNMENT_IN_PROGRESS', 'retriable'],
  69: ['GROUP_ID_NOT_FOUND', 'retriable'],
  70: ['FETCH_SESSION_ID_NOT_FOUND', 'retriable'],
  71: ['INVALID_FETCH_SESSION_EPOCH', 'retriable'],
  72: ['LISTENER_NOT_FOUND', 'retriable'],
  74: ['FENCED_LEADER_EPOCH', 'retriable'],
  75: ['UNKNOWN_LEADER_EPOCH', 'retriable'],
  76: ['UNSUPPORTED_COMPRESSION_TYPE', 'configuration'],
  77: ['STALE_BROKER_EPOCH', 'retriable'],
  78: ['OFFSET_NOT_AVAILABLE', 'retriable'],
  79: ['MEMBER_ID_REQUIRED', 'retriable'],
  81: ['GROUP_MAX_SIZE_REACHED', 'configuration'],
  82: ['FENCED_INSTANCE_ID', 'retriable'],
  87: ['INVALID_RECORD', 'record'],
  88: ['UNSTABLE_OFFSET_COMMIT', 'retriable'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'retriable'],
  97: ['PRINCIPAL_DESERIALIZATION_FAILURE', 'configuration'],
  100: ['UNKNOWN_TOPIC_ID', 'retriable'],
  103: ['INCONSISTENT_TOPIC_ID', 'retriable'],
  108: ['NEW_LEADER_ELECTED', 'retriable'],
  109: ['OFFSET_MOVED_TO_TIERED_STORAGE', 'retriable'],
  110: ['FENCED_MEMBER_EPOCH', 'retriable'],
  113: ['STALE_MEMBER_EPOCH', 'retriable'],
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

/**
 * Codes of Node.js for what an operator has to put right: a certificate that nobody it trusts has signed, or that names
 * another host. (An expired one may be renewed any time; a host or port may answer any time.)
 */
const LOCAL_CODES: Readonly<Record<string, ErrorKind>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'configuration',
  SELF_SIGNED_CERT_IN_CHAIN: 'configuration',
  UNABLE_TO_GET_ISSUER_CERT: 'configuration',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'configuration',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'configuration',
  ERR_TLS_CERT_ALTNAME_INVALID: 'configuration',
};

/** An answer was garbled on its way, and ends before a number in it says: no fault of ours, as other `RangeError`s are. */
const GARBLED: ReadonlySet<string | undefined> = new Set(['ERR_OUT_OF_RANGE', 'ERR_BUFFER_OUT_OF_BOUNDS']);

/** The most serious kind that an error, what caused it, and the errors it stands for have. */
export function kindOfError(error: unknown): ErrorKind {
  const kinds = new Set(Array.from(withCauses(error), kindOfOne));
  return SERIOUS_FIRST.find((kind) => kinds.has(kind)) ?? 'retriable';
}

const SERIOUS_FIRST: readonly ErrorKind[] = ['fatal', 'configuration', 'record'];

/** Of the error itself, whatever caused it. */
function kindOfOne(error: Error): ErrorKind {
  const code = codeOf(error);
  if (code !== undefined) return kafkaErrorCode(code).kind;
  if (GARBLED.has(localCodeOf(error))) return 'retriable';
  return localKindOf(error) ?? NAMES[error.name] ?? 'retriable';
}

/** Node's own code of what went wrong on this machine, or between it and a broker. */
export function localCodeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What it is when it came about before a broker could answer; `undefined` = it did not, or nothing is known of it. */
export function localKindOf(error: Error): ErrorKind | undefined {
  return LOCAL_CODES[localCodeOf(error) ?? ''];
}

/** For people: what a broker answered, by Kafka's name for it; else the message. */
export function describeKafkaError(error: unknown): string {
  for (const each of withCauses(error)) {
    const code = codeOf(each);
    if (code === undefined) continue;
    const topic = 'topic' in each ? `topic ${each.topic}: ` : '';
    return `${topic}${kafkaErrorCode(code).name}: ${each.message}`;
  }
  return describeError(error);
}

const ILLEGAL_GENERATION = 22;
const UNKNOWN_MEMBER_ID = 25;
const REBALANCE_IN_PROGRESS = 27;
const FENCED_INSTANCE_ID = 82;

/** What a coordinator's answer means for a membership in a group: to be joined anew, over, or nothing. */
export function membershipAfter(error: unknown): 'join anew' | 'over' | 'as before' {
  const codes = new Set(Array.from(withCauses(error), codeOf));
  if (codes.has(REBALANCE_IN_PROGRESS)) return 'join anew';
  const isOver = [UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, FENCED_INSTANCE_ID].some((code) => codes.has(code));
  return isOver ? 'over' : 'as before';
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
