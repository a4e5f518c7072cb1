/**
 * Whether a new consumer may go on after this failure. A connection, a broker or a coordinator that is gone comes back,
 * whatever kafkajs thinks of it (it calls a coordinator that cannot be found final). Errors that name a fault in the
 * code do not: kafkajs itself stops its consumer for good on those and leaves the process running, which is why
 * somebody has to end it (P7).
 */
export function mayGoOn(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (FAULTS.has(each.name)) return false;
  }
  return true;
}

const FAULTS: ReadonlySet<string> = new Set([
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'KafkaJSNotImplemented',
  'KafkaJSUnsupportedMagicByteInMessageSet',
  'KafkaJSServerDoesNotSupportApiKey',
  'KafkaJSInvariantViolation',
]);
