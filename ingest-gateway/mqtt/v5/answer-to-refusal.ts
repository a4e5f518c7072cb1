import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';

/** What a client is told instead of being let in; for all other reasons, that the gateway cannot take it now. */
const CONNECTING: Partial<Record<RefusalReason, Mqtt5AnswerName>> = {
  'invalid-client-id': 'clientIdInvalid',
  'bad-credentials': 'badCredentials',
  revoked: 'badCredentials',
  'wrong-identity': 'wrongIdentity',
  banned: 'banned',
  'authentication-busy': 'connectBusy',
  'login-throttled': 'connectBusy',
  'protocol-version': 'versionUnknown',
  'packet-too-large': 'connectTooLarge',
};

/** Why the connection of a client ends that was let in; for all other reasons, that it is a fault of ours. */
const CONNECTED: Partial<Record<RefusalReason, Mqtt5AnswerName>> = {
  'not-durable': 'notDurable',
  'shutting-down': 'shuttingDown',
  'keepalive-timeout': 'silent',
  revoked: 'revoked',
  banned: 'revoked',
  'certificate-not-trusted': 'revoked',
  'token-over': 'tokenOver',
  'packet-too-large': 'packetTooLarge',
  'protocol-error': 'againstRules',
  'foreign-topic': 'rateTooHigh',
};

export function answerToRefusal(reason: RefusalReason, isConnected: boolean): Mqtt5AnswerName {
  if (isConnected) return CONNECTED[reason] ?? 'internalError';
  return CONNECTING[reason] ?? 'unavailable';
}

/** For the reason string: about us there is nothing for a client to know, such as where files lie and which brokers are down. */
export function textToRefusal(reason: RefusalReason, detail: string): string {
  if (reason === 'not-durable') return 'not durable in time: send it again';
  return reason === 'internal-error' ? 'a fault of the gateway' : detail;
}
