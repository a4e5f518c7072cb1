import { KEPT, type Mqtt5Answer } from '#contract/mqtt5-answer.ts';
import type { RejectReason } from '#contract/reject-reason.ts';

/**
 * To a message, and to the PUBREL of one.
 *
 * One rule stands behind them: an acknowledgement, whatever its code, says that the device may forget the message, because
 * the log has it (as a reading or as a dead letter) or because it can never be taken. What may still become durable is
 * never answered, since clients drop a message with any reason code from 0x80; its connection ends instead.
 */
export const MESSAGE_ANSWERS = {
  accepted: {
    packet: 'PUBACK, PUBREC',
    code: 0x00,
    name: 'Success',
    when: 'every reading of the message is durable in the log; of a batch with refused readings the others are, and the reason string says how many were not',
    device: 'forget the message',
  },
  payloadRefused: {
    packet: 'PUBACK, PUBREC',
    code: 0x99,
    name: 'Payload format invalid',
    when: 'the message is dead-lettered: its payload is not what its schema wants',
    device: KEPT,
  },
  quotaRefused: {
    packet: 'PUBACK, PUBREC',
    code: 0x97,
    name: 'Quota exceeded',
    when: 'the message is dead-lettered: too many bytes, or too many readings',
    device: `${KEPT}; send smaller ones`,
  },
  otherwiseRefused: {
    packet: 'PUBACK, PUBREC',
    code: 0x83,
    name: 'Implementation specific error',
    when: 'the message is dead-lettered: its clock is wrong, or anything else',
    device: `${KEPT}; look at the clock`,
  },
  foreignTopic: {
    packet: 'PUBACK, PUBREC',
    code: 0x87,
    name: 'Not authorized',
    when: 'the topic is not the one of this device; the message is discarded, the connection stays',
    device: 'do not send it again: nothing keeps it',
  },
  released: {
    packet: 'PUBCOMP',
    code: 0x00,
    name: 'Success',
    when: 'PUBREL for a message that had its PUBREC',
    device: 'the exchange is complete',
  },
  notReleased: {
    packet: 'PUBCOMP',
    code: 0x92,
    name: 'Packet Identifier not found',
    when: 'PUBREL for anything else, as after a PUBREC with a code from 0x80',
    device: 'the exchange is complete',
  },
} as const satisfies Record<string, Mqtt5Answer>;

/** What the device is told when its whole message is a dead letter. */
const ANSWER_TO_REJECT = {
  'malformed-json': 'payloadRefused',
  'not-utf8': 'payloadRefused',
  'unknown-schema': 'payloadRefused',
  'schema-violation': 'payloadRefused',
  'number-out-of-range': 'payloadRefused',
  'mapping-failed': 'payloadRefused',
  'payload-too-large': 'quotaRefused',
  'too-many-readings': 'quotaRefused',
  'timestamp-out-of-range': 'otherwiseRefused',
  'refused-by-log': 'otherwiseRefused',
  'unmapped-topic': 'otherwiseRefused',
  // Found behind the gateway, when the device was answered long ago.
  'undecodable-record': 'otherwiseRefused',
  'store-rejected': 'otherwiseRefused',
  'replay-limit': 'otherwiseRefused',
} as const satisfies Record<RejectReason, keyof typeof MESSAGE_ANSWERS>;

/** What the gateway found in a message: how many readings it takes, and why it does not take the others. */
export interface MessageVerdict {
  readonly accepted: number;
  readonly rejected: readonly RejectReason[];
}

/**
 * Chooses the answer to a message that is durable, as readings, as dead letters, or as both.
 *
 * @param verdict `undefined`: nothing was refused.
 */
export function answerToMessage(verdict: MessageVerdict | undefined): {
  readonly code: number;
  /** For the reason string, when the client wants one. */
  readonly text: string | undefined;
} {
  const [reason] = verdict?.rejected ?? [];
  if (verdict === undefined || reason === undefined)
    return { code: MESSAGE_ANSWERS.accepted.code, text: undefined };
  const { accepted, rejected } = verdict;
  if (accepted === 0) {
    const { code } = MESSAGE_ANSWERS[ANSWER_TO_REJECT[reason]];
    return { code, text: `${reason}: kept as a dead letter, do not send it again` };
  }
  const text = `${rejected.length} of ${accepted + rejected.length} readings are kept as dead letters (${reason}), do not send them again`;
  return { code: MESSAGE_ANSWERS.accepted.code, text };
}
