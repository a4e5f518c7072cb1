import { describe, expect, it } from 'vitest';
import { MQTT5_ANSWERS } from '#contract/mqtt5-answers.ts';
import { answerToMessage } from '#contract/mqtt5-message-answers.ts';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';

/** MQTT 5, tables 3-1, 3-4, 3-10 and so on: which codes may stand in which packet. */
const ALLOWED: Readonly<Record<string, readonly number[]>> = {
  CONNACK: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
    0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  'PUBACK, PUBREC': [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  PUBCOMP: [0x00, 0x92],
  SUBACK: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  UNSUBACK: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  DISCONNECT: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
};

describe('answers to MQTT 5 clients', () => {
  it('use codes only in packets that may carry them [MQTT-3.14.2-1 and the like]', () => {
    for (const [name, { packet, code }] of Object.entries(MQTT5_ANSWERS)) {
      expect(ALLOWED[packet], name).toContain(code);
    }
  });

  it('[P10] tell a device by the reason why its message is a dead letter', () => {
    const codes = Object.fromEntries(
      REJECT_REASONS.map((reason) => [reason, answerToMessage({ accepted: 0, rejected: [reason] }).code]),
    ) as Record<RejectReason, number>;
    expect(codes).toMatchObject({
      'malformed-json': 0x99,
      'not-utf8': 0x99,
      'unknown-schema': 0x99,
      'schema-violation': 0x99,
      'number-out-of-range': 0x99,
      'payload-too-large': 0x97,
      'too-many-readings': 0x97,
      'timestamp-out-of-range': 0x83,
    });
    expect(Object.values(codes).every((code) => code >= 0x80)).toBe(true);
    expect(answerToMessage({ accepted: 0, rejected: ['schema-violation'] }).text).toBe(
      'schema-violation: kept as a dead letter, do not send it again',
    );
  });

  it('[P5] accept a batch of which a part is good, and say how many are not', () => {
    expect(
      answerToMessage({
        accepted: 17,
        rejected: ['number-out-of-range', 'schema-violation', 'schema-violation'],
      }),
    ).toEqual({
      code: 0x00,
      text: '3 of 20 readings are kept as dead letters (number-out-of-range), do not send them again',
    });
  });

  it('say nothing more than success about a message that is good', () => {
    expect(answerToMessage(undefined)).toEqual({ code: 0x00, text: undefined });
  });
});
