import { vi } from 'vitest';
import { insideKafkajs } from '#event-log/kafka/wire/kafkajs-internals.ts';

const silent = () => silentLogger;
/** For tests: what kafkajs writes its lines to. */
export const silentLogger = {
  namespace: silent,
  info: silent,
  error: silent,
  warn: silent,
  debug: silent,
  setLogLevel: silent,
};

interface RequestQueue {
  checkPendingRequests(): void;
  maybeThrottle(ms: number): void;
  push(request: object): void;
}

/** For tests: the requests of one connection, and what sends the next one. */
export function requestQueue(): { readonly queue: RequestQueue; readonly push: () => () => void } {
  const Queue = insideKafkajs<new (options: object) => RequestQueue>('network/requestQueue/index.js');
  const queue = new Queue({
    maxInFlightRequests: null,
    requestTimeout: 1_000,
    enforceRequestTimeout: false,
    clientId: 'test',
    broker: 'test',
    logger: silentLogger,
  });
  const push = () => {
    const sendRequest = vi.fn<() => void>();
    const entry = {
      apiKey: 0,
      apiName: 'Produce',
      apiVersion: 7,
      correlationId: 1,
      resolve: vi.fn(),
      reject: vi.fn(),
    };
    queue.push({ entry, expectResponse: true, sendRequest });
    return sendRequest;
  };
  return { queue, push };
}
