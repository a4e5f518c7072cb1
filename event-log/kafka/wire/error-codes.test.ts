import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { describeKafkaError, kafkaErrorCode, kindOfError, membershipAfter } from './error-codes.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

const { createErrorFromCode, errorCodes } = insideKafkajs<{
  createErrorFromCode(code: number): Error;
  errorCodes: readonly { readonly code: number; readonly retriable: boolean }[];
}>('protocol/error.js');

describe('kinds of errors', () => {
  test.each([
    [3, 'retriable'],
    [6, 'retriable'],
    [19, 'retriable'],
    [10, 'record'],
    [18, 'record'],
    [32, 'configuration'],
    [87, 'record'],
    [17, 'configuration'],
    [29, 'configuration'],
    [30, 'configuration'],
    [31, 'configuration'],
    [44, 'configuration'],
    [58, 'configuration'],
    [35, 'fatal'],
    [4711, 'retriable'],
  ] as const)('code %i is %s', (code, kind) => {
    expect(kafkaErrorCode(code).kind).toBe(kind);
  });

  test('what kafkajs calls retriable is never called final here', () => {
    const final = errorCodes.filter(
      ({ code, retriable }) => retriable && kafkaErrorCode(code).kind !== 'retriable',
    );
    expect(final).toEqual([]);
  });

  test('[P2] an answer that was garbled on its way is asked for again; other faults of code are ours', () => {
    const beyond = (read: () => number): unknown => {
      try {
        return read();
      } catch (error) {
        return error;
      }
    };
    expect(kindOfError(beyond(() => Buffer.alloc(2).readInt32BE(0)))).toBe('retriable');
    expect(kindOfError(beyond(() => Buffer.alloc(8).readInt32BE(6)))).toBe('retriable');
    expect(kindOfError(new RangeError('Invalid array length'))).toBe('fatal');
  });

  test('a certificate is for the operator, a socket is not', () => {
    const local = (code: string) => Object.assign(new Error('connect'), { code });
    expect(kindOfError(new Error('x', { cause: local('SELF_SIGNED_CERT_IN_CHAIN') }))).toBe('configuration');
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EMFILE', 'EIO', 'EPIPE', 'CERT_HAS_EXPIRED']) {
      expect(kindOfError(local(code))).toBe('retriable');
    }
  });

  test.each([
    [27, 'join anew'],
    [25, 'over'],
    [22, 'over'],
    [82, 'over'],
    [16, 'as before'],
    [30, 'as before'],
  ] as const)('code %i leaves a membership %s', (code, membership) => {
    expect(membershipAfter(new Error('asked', { cause: createErrorFromCode(code) }))).toBe(membership);
  });

  test('people read the name that Kafka has for it', () => {
    expect(describeKafkaError(new Error('joining', { cause: createErrorFromCode(30) }))).toMatch(
      /^GROUP_AUTHORIZATION_FAILED: /,
    );
    expect(describeKafkaError(new Error('away'))).toBe('away');
  });

  test('is found behind what kafkajs wraps around it', () => {
    const denied = createErrorFromCode(30);
    expect(kindOfError(denied)).toBe('configuration');
    expect(kindOfError(new Error('gave up', { cause: denied }))).toBe('configuration');
    expect(
      kindOfError(Object.assign(new Error('several'), { errors: [createErrorFromCode(6), denied] })),
    ).toBe('configuration');
    expect(kindOfError(Object.assign(new Error('no'), { name: 'KafkaJSSASLAuthenticationError' }))).toBe(
      'configuration',
    );
    expect(kindOfError(new kafkajs.KafkaJSConnectionError('refused'))).toBe('retriable');
    expect(kindOfError(new Error('why', { cause: new TypeError('x of undefined') }))).toBe('fatal');
  });
});
