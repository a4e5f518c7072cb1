import { expect, test } from 'vitest';
import { waysOn } from './consumer-failure.ts';

function named(name: string, cause?: Error): Error {
  return Object.assign(new Error(name, { cause }), { name });
}

test.each([
  named('KafkaJSNumberOfRetriesExceeded', named('KafkaJSConnectionError')),
  // kafkajs calls this one final; it is what a cluster looks like that is away for a moment.
  named('KafkaJSGroupCoordinatorNotFound'),
  named('KafkaJSNoBrokerAvailableError'),
  named('KafkaJSProtocolError'),
])('[P2] after %s a new consumer goes on', (error) => {
  expect(waysOn(error)).toMatchObject({ mustAct: false });
});

test.each([
  new TypeError('x of undefined'),
  new RangeError('Maximum call stack size exceeded'),
  named('KafkaJSNonRetriableError', new TypeError('x')),
  named('KafkaJSNumberOfRetriesExceeded', named('KafkaJSNotImplemented')),
])('[P7] %s is a fault: the process must be started anew', (error) => {
  expect(waysOn(error)).toBeUndefined();
});

test('[P10] what an operator has to put right is said, and not asked for every few seconds', () => {
  const denied = Object.assign(named('KafkaJSProtocolError'), {
    type: 'GROUP_AUTHORIZATION_FAILED',
    code: 30,
  });
  const on = waysOn(new Error('joining', { cause: denied }));
  expect(on).toMatchObject({ mustAct: true });
  expect(on?.backoff.firstDelayMs).toBeGreaterThanOrEqual(5_000);
});
