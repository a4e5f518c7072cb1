import { expect, test } from 'vitest';
import { mayGoOn } from './consumer-failure.ts';

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
  expect(mayGoOn(error)).toBe(true);
});

test.each([
  new TypeError('x of undefined'),
  new RangeError('Maximum call stack size exceeded'),
  named('KafkaJSNonRetriableError', new TypeError('x')),
  named('KafkaJSNumberOfRetriesExceeded', named('KafkaJSNotImplemented')),
])('[P7] %s is a fault: the process must be started anew', (error) => {
  expect(mayGoOn(error)).toBe(false);
});
