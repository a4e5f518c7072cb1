import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { createBrokerConnection } from './kafkajs-internals.ts';

test('the version whose inner parts we use is the one that is installed', () => {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json');
  expect(version).toBe('2.2.4');
});

test('its inner parts are where we look for them', () => {
  const silent = () => logger;
  const logger = {
    namespace: silent,
    info: silent,
    error: silent,
    warn: silent,
    debug: silent,
    setLogLevel: silent,
  };
  const connection = createBrokerConnection({
    host: '127.0.0.1',
    port: 9,
    ssl: null,
    sasl: null,
    clientId: 'test',
    connectionTimeout: 1_000,
    requestTimeout: 1_000,
    logger: logger as never,
  });
  expect(connection.isConnected()).toBe(false);
  expect(connection.connectionPool.pool.length).toBeGreaterThan(0);
});
