import { expect, test } from 'vitest';
import { createBrokerConnection } from './broker-connection.ts';
import { silentLogger } from './testing/kafkajs-parts.ts';

test('its inner parts are where we look for them', () => {
  const connection = createBrokerConnection({
    host: '127.0.0.1',
    port: 9,
    ssl: null,
    sasl: null,
    clientId: 'test',
    connectionTimeout: 1_000,
    requestTimeout: 1_000,
    logger: silentLogger as never,
  });
  expect(connection.isConnected()).toBe(false);
  expect(connection.connectionPool.pool.length).toBeGreaterThan(0);
});
