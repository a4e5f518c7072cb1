import type { RejectReason } from '#contract/reject-reason.ts';

/** The packets in which the gateway answers an MQTT 5 client with a reason code. */
export type AnswerPacket = 'CONNACK' | 'PUBACK, PUBREC' | 'PUBCOMP' | 'SUBACK' | 'UNSUBACK' | 'DISCONNECT';

/** One row of what a client is told (MQTT 5, 2.4), and what a device is to make of it. */
export interface Mqtt5Answer {
  readonly packet: AnswerPacket;
  readonly code: number;
  /** The name that the standard gives the code. */
  readonly name: string;
  readonly when: string;
  readonly device: string;
}

const KEPT = 'do not send it again: it is kept as a dead letter, with its reason';
const AGAIN = 'connect again, and send again what has no PUBACK or PUBREC';
const MEND = 'a fault of the client: it will be refused again until it is mended';

/**
 * Everything that an MQTT 5 client can be told, as data: the gateway answers from it, `docs/mqtt5.md` prints it.
 *
 * One rule stands behind the table: an acknowledgement, whatever its code, says that the device may forget the message,
 * because the log has it (as a reading or as a dead letter) or because it can never be taken. What may still become
 * durable is never answered, since clients drop a message with any reason code from 0x80; its connection ends instead.
 */
export const MQTT5_ANSWERS = {
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
  subscriptionRefused: {
    packet: 'SUBACK',
    code: 0x87,
    name: 'Not authorized',
    when: 'any subscription: nothing is delivered to devices',
    device: 'go on without it',
  },
  filterInvalid: {
    packet: 'SUBACK',
    code: 0x8f,
    name: 'Topic Filter invalid',
    when: 'a filter that is none',
    device: 'go on without it',
  },
  sharedSubscriptionRefused: {
    packet: 'SUBACK',
    code: 0x9e,
    name: 'Shared Subscriptions not supported',
    when: 'a filter with `$share/`',
    device: 'go on without it',
  },
  subscriptionIdentifierRefused: {
    packet: 'SUBACK',
    code: 0xa1,
    name: 'Subscription Identifiers not supported',
    when: 'a subscription with an identifier',
    device: 'go on without it',
  },
  wildcardSubscriptionRefused: {
    packet: 'SUBACK',
    code: 0xa2,
    name: 'Wildcard Subscriptions not supported',
    when: 'a filter with `+` or `#`',
    device: 'go on without it',
  },
  notSubscribed: {
    packet: 'UNSUBACK',
    code: 0x11,
    name: 'No subscription existed',
    when: 'any filter',
    device: 'go on',
  },
  connected: {
    packet: 'CONNACK',
    code: 0x00,
    name: 'Success',
    when: 'the device is let in',
    device: 'publish',
  },
  connectMalformed: {
    packet: 'CONNACK',
    code: 0x81,
    name: 'Malformed Packet',
    when: 'a CONNECT that cannot be read',
    device: MEND,
  },
  connectAgainstRules: {
    packet: 'CONNACK',
    code: 0x82,
    name: 'Protocol Error',
    when: 'a CONNECT against the rules: a property twice, or where it may not stand',
    device: MEND,
  },
  versionUnknown: {
    packet: 'CONNACK',
    code: 0x84,
    name: 'Unsupported Protocol Version',
    when: 'a protocol version above 5',
    device: 'speak MQTT 5 or 3.1.1',
  },
  clientIdInvalid: {
    packet: 'CONNACK',
    code: 0x85,
    name: 'Client Identifier not valid',
    when: 'the client id is empty, or no device id; none is ever assigned',
    device: MEND,
  },
  badCredentials: {
    packet: 'CONNACK',
    code: 0x86,
    name: 'Bad User Name or Password',
    when: 'an unknown or revoked device, or a wrong password',
    device: 'get new credentials',
  },
  wrongIdentity: {
    packet: 'CONNACK',
    code: 0x87,
    name: 'Not authorized',
    when: 'user name or certificate of another device',
    device: MEND,
  },
  unavailable: {
    packet: 'CONNACK',
    code: 0x88,
    name: 'Server unavailable',
    when: 'the log cannot be written, all places are taken, or the gateway is stopping',
    device: 'try again later, or another gateway',
  },
  connectBusy: {
    packet: 'CONNACK',
    code: 0x89,
    name: 'Server busy',
    when: 'too many passwords are waiting to be checked, or too many wrong ones came before',
    device: 'try again later',
  },
  banned: {
    packet: 'CONNACK',
    code: 0x8a,
    name: 'Banned',
    when: 'the device is on the list of `npm run bans`, by hand or because it connects over and over',
    device: 'try again later',
  },
  authenticationMethodUnknown: {
    packet: 'CONNACK',
    code: 0x8c,
    name: 'Bad authentication method',
    when: 'a CONNECT that asks for an exchange of AUTH packets',
    device: 'use a password or a certificate',
  },
  connectTooLarge: {
    packet: 'CONNACK',
    code: 0x95,
    name: 'Packet too large',
    when: 'a CONNECT above 4 KiB, or a Maximum Packet Size in which no CONNACK has room',
    device: MEND,
  },
  internalError: {
    packet: 'DISCONNECT',
    code: 0x80,
    name: 'Unspecified error',
    when: 'a fault of the gateway',
    device: AGAIN,
  },
  malformed: {
    packet: 'DISCONNECT',
    code: 0x81,
    name: 'Malformed Packet',
    when: 'a packet that cannot be read',
    device: MEND,
  },
  againstRules: {
    packet: 'DISCONNECT',
    code: 0x82,
    name: 'Protocol Error',
    when: 'a packet against the rules: a property twice or where it may not stand, more than 8 KiB of properties, SUBSCRIBE without a filter, AUTH (which without an authentication method has no other code here), a second CONNECT',
    device: MEND,
  },
  notDurable: {
    packet: 'DISCONNECT',
    code: 0x89,
    name: 'Server busy',
    when: 'a message was not durable in time; it gets no PUBACK and no PUBREC',
    device: AGAIN,
  },
  shuttingDown: {
    packet: 'DISCONNECT',
    code: 0x8b,
    name: 'Server shutting down',
    when: 'the gateway is stopping; what became durable was acknowledged',
    device: AGAIN,
  },
  silent: {
    packet: 'DISCONNECT',
    code: 0x8d,
    name: 'Keep Alive timeout',
    when: 'nothing came for 1.5 times the keepalive',
    device: AGAIN,
  },
  takenOver: {
    packet: 'DISCONNECT',
    code: 0x8e,
    name: 'Session taken over',
    when: 'the same device connected a second time',
    device: 'give every device its own id',
  },
  receiveMaximumExceeded: {
    packet: 'DISCONNECT',
    code: 0x93,
    name: 'Receive Maximum exceeded',
    when: 'more messages without an acknowledgement than CONNACK allows',
    device: MEND,
  },
  topicAliasInvalid: {
    packet: 'DISCONNECT',
    code: 0x94,
    name: 'Topic Alias invalid',
    when: 'topic alias 0, or above the maximum in CONNACK',
    device: MEND,
  },
  packetTooLarge: {
    packet: 'DISCONNECT',
    code: 0x95,
    name: 'Packet too large',
    when: 'a packet above the Maximum Packet Size in CONNACK',
    device: MEND,
  },
  rateTooHigh: {
    packet: 'DISCONNECT',
    code: 0x96,
    name: 'Message rate too high',
    when: 'messages to topics that are not the own one, faster than clumsy firmware sends them',
    device: MEND,
  },
  quotaExceeded: {
    packet: 'DISCONNECT',
    code: 0x97,
    name: 'Quota exceeded',
    when: 'more filters in a packet than is sensible, or the largest unfinished packets when all clients together hold too much of them',
    device: MEND,
  },
  revoked: {
    packet: 'DISCONNECT',
    code: 0x98,
    name: 'Administrative action',
    when: 'the device was revoked, banned, or given other credentials',
    device: 'get new credentials',
  },
} as const satisfies Record<string, Mqtt5Answer>;

export type Mqtt5AnswerName = keyof typeof MQTT5_ANSWERS;

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
} as const satisfies Record<RejectReason, Mqtt5AnswerName>;

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
    return { code: MQTT5_ANSWERS.accepted.code, text: undefined };
  const { accepted, rejected } = verdict;
  if (accepted === 0) {
    const { code } = MQTT5_ANSWERS[ANSWER_TO_REJECT[reason]];
    return { code, text: `${reason}: kept as a dead letter, do not send it again` };
  }
  const text = `${rejected.length} of ${accepted + rejected.length} readings are kept as dead letters (${reason}), do not send them again`;
  return { code: MQTT5_ANSWERS.accepted.code, text };
}
