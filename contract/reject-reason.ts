/** Why a reading was refused. Closed list: the same word is the metric label, the `dlq.reason` header and the log field. */
export const REJECT_REASONS = [
  'malformed-json',
  'not-utf8',
  'payload-too-large',
  'too-many-readings',
  'unknown-schema',
  'schema-violation',
  'timestamp-out-of-range',
  'number-out-of-range',
  'unmapped-topic',
  'mapping-failed',
  'undecodable-record',
  'store-rejected',
  'refused-by-log',
  'replay-limit',
] as const;

export type RejectReason = (typeof REJECT_REASONS)[number];

export function isRejectReason(word: string): word is RejectReason {
  return (REJECT_REASONS as readonly string[]).includes(word);
}
