import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { BrokerConnections } from './broker-connections.ts';
import { silentLogger } from './testing/kafkajs-parts.ts';

// With an attempt of its own the second one tried the connection that the first had destroyed, and reported a time-out
// whatever the reason was: a certificate that is not trusted, for example.
test('who asks while a connection is being opened shares that attempt, and the reason why it failed', async () => {
  let attempts = 0;
  const server = createServer((socket) => {
    attempts++;
    socket.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const connections = new BrokerConnections({
    bootstrap: [`127.0.0.1:${port}`],
    ssl: null,
    sasl: null,
    clientId: 'test',
    logger: silentLogger as never,
  });
  const answers = await Promise.allSettled([connections.metadata([]), connections.metadata([])]);
  const refused = { status: 'rejected', reason: { message: expect.stringMatching(/Closed connection/) } };
  expect(answers).toMatchObject([refused, refused]);
  expect(attempts).toBe(1);
  connections.close();
  server.close();
});
