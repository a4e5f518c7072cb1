import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { boundAnswers } from './bound-answers.ts';
import { createBrokerConnection } from './broker-connection.ts';
import { insideKafkajs } from './kafkajs-internals.ts';
import { requestQueue, silentLogger } from './testing/kafkajs-parts.ts';

boundAnswers();
afterEach(() => vi.useRealTimers());

/** Connects to somebody who answers everything with these bytes. */
async function connectTo(answer: Buffer) {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    accepted.resolve(socket);
    socket.on('error', () => undefined).on('data', () => socket.write(answer));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const connection = createBrokerConnection({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ssl: null,
    sasl: null,
    clientId: 'test',
    connectionTimeout: 1_000,
    requestTimeout: 60_000,
    logger: silentLogger as never,
  });
  const connecting = connection.connect();
  return { connecting, broker: await accepted.promise };
}

describe('[P10] who is no broker, on the port of one', () => {
  test.each([
    ['a length of nothing', '00000000'],
    ['a length below nothing', 'fffffffc'],
    ['two gigabytes', '7fffffff'],
  ])('%s: the connection fails, and no more', async (_, hex) => {
    const { connecting, broker } = await connectTo(Buffer.from(hex, 'hex'));
    await Promise.all([expect(connecting).rejects.toThrow(), once(broker, 'close')]);
  });
});

test('[P2] a throttling of years holds requests back for seconds', () => {
  vi.useFakeTimers();
  const { queue, push } = requestQueue();
  queue.maybeThrottle(2 ** 31 - 1);
  const sendRequest = push();
  vi.advanceTimersByTime(2_500);
  expect(sendRequest).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(sendRequest).toHaveBeenCalledOnce();
});

test('[P10] a password is not hashed as often as anybody says', async () => {
  const { SCRAM } = insideKafkajs<{
    SCRAM: { hi(password: string, salt: Buffer, iterations: number, digest: object): Promise<Buffer> };
  }>('broker/saslAuthenticator/scram.js');
  const digest = { length: 32, type: 'sha256' };
  await expect(SCRAM.hi('p', Buffer.from('salt'), 2_000_000_000, digest)).rejects.toThrow('iterations');
  expect(await SCRAM.hi('p', Buffer.from('salt'), 4_096, digest)).toHaveLength(32);
});
