import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;

/** Everything that the listener answers until it ends the connection. */
async function answersTo(test: TestGateway, bytes: string): Promise<string> {
  const socket = connect({ port: test.gateway.ports.webSocket ?? 0, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket
    .on('error', () => undefined)
    .on('data', (chunk) => {
      answer += chunk;
    });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.write(bytes);
  // A reset is an end like any other.
  await closed;
  return answer;
}
const request = (...headers: string[]): string =>
  ['GET / HTTP/1.1', 'Host: a', ...headers, '', ''].join('\r\n');
const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];

describe('the request for a WebSocket [P10]', () => {
  it('is one: of thousands on a connection the first is answered, and the others are not looked at', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const answer = await answersTo(test, request().repeat(5_000));
    // A reset, since much was not read, may have overtaken the answer.
    expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(await test.metric(refused('protocol-error'))).toBe(1);
    expect(await answersTo(test, request())).toMatch(/^HTTP\/1\.1 426 /);
  });

  it.each([
    ['is no HTTP', '\u0010\u0001\u0000\u0004MQTT\r\nupgrade: x\r\n\r\n', ''],
    ['upgrades nothing, whatever it looks like', request('Upgrade: websocket').repeat(3_000), ''],
    ['expects what nobody does', request('Upgrade: websocket', 'Expect: more'), ''],
    ['names no host', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n', ''],
    ['is no WebSocket', request(...upgrade), 'HTTP/1.1 400'],
    ['is of another protocol', request(...upgrade, 'Sec-WebSocket-Protocol: chat'), 'HTTP/1.1 400'],
  ])('is refused once, and counted, when it %s', async (_, bytes, answer) => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    expect(await answersTo(test, bytes)).toMatch(new RegExp(`^${answer}`));
    await eventually(async () => expect(await test.metric(refused('protocol-error'))).toBe(1));
  });

  it('is bounded in bytes', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    await answersTo(test, `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`);
    expect(await test.metric(refused('packet-too-large'))).toBe(1);
  });

  it('is bounded in time', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 }, limits: { connectMs: 100 } });
    await answersTo(test, 'GET / HTTP/1.1\r\nX: ');
    expect(await test.metric(refused('connect-timeout'))).toBe(1);
  });
});
