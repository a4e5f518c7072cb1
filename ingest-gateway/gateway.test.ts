import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { decodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { refused } from '#event-log/pending-append.ts';
import { PipelineError } from '#runtime/errors.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { bytesOf, publishPacket, RawClient } from './testing/raw-client.ts';
import { reading, startTestGateway, TEST_TOPICS } from './testing/test-gateway.ts';

const notDurable = new PipelineError('not-durable', 'made to fail');
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const asLogRecord = (record: AppendRecord | undefined): LogRecord =>
  ({ ...record, value: Buffer.from(record?.value ?? []), key: Buffer.from(record?.key ?? '') }) as LogRecord;

describe('acknowledgement', () => {
  it('[P1] PUBACK is sent only when the record is durable', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 42));
    await eventually(() => expect(test.log.waiting).toHaveLength(1));
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    test.log.release();
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 42 });
    expect(test.log.records).toMatchObject([
      {
        topic: TEST_TOPICS.telemetry,
        key: 'dev-1',
        headers: { readings: '1', gateway: 'test-gateway', 'received-at': expect.stringMatching(/^\d{13}$/) },
      },
    ]);
  });

  it('[P1] PUBREC of QoS 2 is sent only when the record is durable; a retransmission is appended again', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 7, { qos: 2 }));
    await eventually(() => expect(test.log.waiting).toHaveLength(1));
    expect(client.received).toEqual([]);
    test.log.release();
    expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 7 });
    client.send(publishPacket('dev-1', reading(1), 7, { qos: 2, dup: true }));
    expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 7 });
    expect(test.log.records).toHaveLength(2);
    client.send({ cmd: 'pubrel', messageId: 7 });
    expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: 7 });
  });

  it('[P1] PUBACKs leave in the order of the PUBLISHes, dead letters included', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(
      publishPacket('dev-1', reading(1), 1),
      publishPacket('dev-1', 'no JSON', 2),
      publishPacket('dev-1', reading(3), 3),
    );
    await eventually(() => expect(test.log.waiting).toHaveLength(3));
    test.log.settle(2);
    test.log.settle(1);
    await turns(10);
    expect(client.received).toEqual([]);
    test.log.settle(0);
    expect((await client.take(3)).map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
  });

  it('[P1] a message is acknowledged when all its records are durable', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', `[${reading(1)}, {"bad": 1}, ${reading(2)}, 17]`, 1));
    await eventually(() => expect(test.log.waiting).toHaveLength(3));
    test.log.settle(0);
    test.log.settle(0);
    await turns(10);
    expect(client.received).toEqual([]);
    test.log.settle(0);
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  });

  it('[P1] a message that is not durable closes the connection without PUBACK, earlier ones get theirs', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(...[1, 2, 3, 4].map((i) => publishPacket('dev-1', reading(i), i)));
    await eventually(() => expect(test.log.waiting).toHaveLength(4));
    test.log.settle(3);
    test.log.settle(2, notDurable);
    await turns(10);
    expect(client.received).toEqual([]);
    test.log.release();
    await client.closed;
    expect(client.received.map(({ cmd, messageId }) => `${cmd} ${messageId}`)).toEqual([
      'puback 1',
      'puback 2',
    ]);
    expect(await test.metric('ingest_refused_total{reason="not-durable"}')).toBe(1);
  });

  it('[P2] what the log will never take becomes a letter with its bytes, and is acknowledged', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    const message = `[${reading(1)},${reading(2)}]`;
    client.send(publishPacket('dev-1', message, 1), publishPacket('dev-1', 'no JSON', 2));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    test.log.settle(0, refused('MESSAGE_TOO_LARGE', Buffer.from(message)));
    test.log.settle(0, refused('MESSAGE_TOO_LARGE', Buffer.from('no JSON')));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    expect(client.received).toEqual([]);
    test.log.release();
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
    const letters = test.log.records.map((record) => decodeDeadLetter(asLogRecord(record)));
    expect(letters.map((letter) => [letter?.reason, String(letter?.payload), letter?.detail])).toEqual([
      [
        'refused-by-log',
        message,
        { message: expect.stringContaining('MESSAGE_TOO_LARGE'), bytes: message.length, readings: 2 },
      ],
      ['malformed-json', 'no JSON', expect.anything()],
    ]);
    expect(test.gateway.accounting()).toMatchObject({
      decoded: 3,
      appended: 0,
      deadLettered: 3,
      unconfirmed: 0,
    });
    expect(await test.metric('ingest_dead_letters_total{reason="refused-by-log"}')).toBe(2);
  });

  it('[P1] waits no longer than the deadline, nor than 80 % of the keepalive', async () => {
    await using test = await startTestGateway({ mqtt: { ackDeadlineMs: 60_000 } });
    const client = await RawClient.device(test.port, 'dev-1', { keepalive: 10 });
    const append = vi.spyOn(test.log, 'append');
    client.send(publishPacket('dev-1', reading(1), 1));
    await client.next();
    const patient = await RawClient.device(test.port, 'dev-2', { keepalive: 0 });
    patient.send(publishPacket('dev-2', reading(1), 1));
    await patient.next();
    const waits = append.mock.calls.map(([, deadlineAt]) => deadlineAt - performance.now());
    expect(waits[0]).toBeLessThanOrEqual(8_000);
    expect(waits[1]).toBeGreaterThan(50_000);
  });

  it('a message past its deadline closes the connection; the device can come back', async () => {
    await using test = await startTestGateway({ mqtt: { ackDeadlineMs: 1_000 } });
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1));
    await client.closed;
    expect(client.received).toEqual([]);
    test.log.release();
    const again = await RawClient.device(test.port, 'dev-1');
    again.send(publishPacket('dev-1', reading(1), 1, { dup: true }));
    expect(await again.next()).toMatchObject({ cmd: 'puback' });
    expect(test.gateway.accounting()).toMatchObject({
      decoded: 2,
      appended: 1,
      deadLettered: 0,
      unconfirmed: 1,
    });
  });

  it('QoS 0 has no promise: what is not durable is dropped and counted, the connection stays', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.fail(notDurable);
    client.send(publishPacket('dev-1', reading(1), 0, { qos: 0 }), { cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    expect(await test.metric('ingest_dropped_total{reason="not-durable"}')).toBe(1);
    test.log.fail(undefined);
    client.send(publishPacket('dev-1', reading(2), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(test.log.records).toHaveLength(1);
  });

  it('appends what was received of a device that is gone', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1));
    await eventually(() => expect(test.log.waiting).toHaveLength(1));
    client.socket.resetAndDestroy();
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
    test.log.release();
    await turns(2);
    expect(test.log.records).toHaveLength(1);
    expect(test.gateway.accounting()).toMatchObject({ appended: 1, unconfirmed: 0 });
  });
});

describe('bad readings', () => {
  it('[P5] harm only themselves: the rest of the batch is accepted, each gets its own letter', async () => {
    await using test = await startTestGateway({}, { now: () => 1_764_000_000_000 });
    const client = await RawClient.device(test.port, 'dev-1');
    const ts = 1_764_000_000_000;
    const bad = `{"schema":"environment/1", "ts":${ts},"seq":1,"values":{"temperature":"hot","humidity":40}}`;
    client.send(publishPacket('dev-1', `[${reading(0, ts)},  ${bad} ,${reading(2, ts)}]`, 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    const [accepted, letter] = test.log.records;
    expect(Buffer.from(accepted?.value ?? []).toString()).toBe(`[${reading(0, ts)},${reading(2, ts)}]`);
    expect(accepted?.headers).toMatchObject({ readings: '2' });
    expect(letter?.topic).toBe(TEST_TOPICS.deadLetters);
    expect(decodeDeadLetter(asLogRecord(letter))).toMatchObject({
      deviceId: 'dev-1',
      reason: 'schema-violation',
      stage: 'gateway',
      index: 1,
      attempt: 0,
      receivedAt: ts,
      firstFailedAt: ts,
      mqttTopic: 'devices/dev-1/telemetry',
      mqttClientId: 'dev-1',
    });
    expect(Buffer.from(letter?.value ?? []).toString()).toBe(bad);
    expect(test.gateway.devices()).toMatchObject([{ accepted: 2, refused: { 'schema-violation': 1 } }]);
  });

  it('[P8] the books close over good, bad, large and unconfirmed messages', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(
      publishPacket('dev-1', reading(1), 1),
      publishPacket('dev-1', `[${reading(2)},${reading(3)},{}]`, 2),
      publishPacket('dev-1', '{', 3),
      publishPacket('dev-1', Buffer.from([0xff]), 4),
      publishPacket('dev-1', reading(4, 0), 5),
      publishPacket('dev-1', ' '.repeat(70_000), 6),
      publishPacket('dev-1', `[${'0,'.repeat(500)}0]`, 7),
      publishPacket('dev-1', reading(5).replace('environment/1', 'unheard-of/1'), 8),
    );
    await client.take(8);
    test.log.hold();
    client.send(publishPacket('dev-1', `[${reading(6)},7]`, 9));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    expect(test.gateway.accounting()).toMatchObject({
      decoded: 12,
      appended: 3,
      deadLettered: 7,
      unconfirmed: 2,
    });
    const letters = (reason: string) => test.metric(`ingest_dead_letters_total{reason="${reason}"}`);
    expect(await letters('malformed-json')).toBe(1);
    expect(await letters('not-utf8')).toBe(1);
    expect(await letters('payload-too-large')).toBe(1);
    expect(await letters('too-many-readings')).toBe(1);
    expect(await letters('timestamp-out-of-range')).toBe(1);
    expect(await letters('unknown-schema')).toBe(1);
    expect(await letters('schema-violation')).toBe(1);
    expect(await test.metric('ingest_readings_appended_total{schema="environment/1"}')).toBe(3);
    expect(await test.metric('ingest_readings_unconfirmed')).toBe(2);
    test.log.release();
  });
});

describe('memory', () => {
  it('[P6] nobody keeps the payload of QoS 2 messages that are never released', async () => {
    const limits = { messagesPerSecond: 1e9, messageBurst: 1e9 };
    await using test = await startTestGateway({ limits });
    test.log.keep = false;
    const client = await RawClient.device(test.port, 'dev-1');
    const payload = Buffer.from(reading(1) + ' '.repeat(60_000));
    const before = buffersAfterCollection();
    for (let i = 1; i <= 500; i++) {
      client.send(publishPacket('dev-1', payload, i, { qos: 2 }));
      await client.next();
    }
    // Buffers are freed by another thread, some time after their collection. Kept payloads would be 30 MB.
    await eventually(() => expect(buffersAfterCollection() - before).toBeLessThan(5_000_000));
    client.send({ cmd: 'pubrel', messageId: 500 });
    expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: 500 });
  });

  function buffersAfterCollection(): number {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    return process.memoryUsage().arrayBuffers;
  }
});

describe('stopping', () => {
  it('[P1] under load, every earned PUBACK arrives, and nothing else is acknowledged', async () => {
    const limits = { messagesPerSecond: 1e9, messageBurst: 1e9, shutdownLingerMs: 60_000 };
    const test = await startTestGateway({ limits });
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) => RawClient.device(test.port, `dev-${i}`, { keepalive: 0 })),
    );
    for (const [d, client] of clients.entries()) {
      const packets = Array.from({ length: 50 }, (_, i) =>
        bytesOf(publishPacket(`dev-${d}`, reading(i), i + 1)),
      );
      const burst = Buffer.concat(packets);
      // Always more on its way than is read, as of a device that empties its memory.
      const pump = (): void => {
        while (!client.socket.destroyed && client.socket.write(burst));
      };
      client.socket.on('drain', pump);
      pump();
    }
    await eventually(() => expect(test.log.durable).toBeGreaterThan(2_000));
    // What becomes durable now is acknowledged in one go, right before the sockets end with unread input.
    test.log.hold();
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(20));
    const stopped = test.gateway.stop();
    test.log.release();
    await stopped;
    await Promise.all(clients.map(({ closed }) => closed));
    const durable = new Map<string, number>();
    for (const { key } of test.log.records) durable.set(key, (durable.get(key) ?? 0) + 1);
    for (const [d, client] of clients.entries()) {
      const acks = client.received.filter(({ cmd }) => cmd === 'puback');
      expect(acks.map(({ messageId }) => messageId)).toEqual(acks.map((_, i) => (i % 50) + 1));
      expect(acks.length, `dev-${d}`).toBe(durable.get(`dev-${d}`));
    }
    expect(test.gateway.accounting().unconfirmed).toBe(0);
  });

  it('reads nothing more once it began', async () => {
    const test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1));
    await eventually(() => expect(test.log.waiting).toHaveLength(1));
    const stopped = test.gateway.stop();
    client.send(publishPacket('dev-1', reading(2), 2));
    await turns(50);
    test.log.release();
    await stopped;
    await client.closed;
    expect(client.received).toMatchObject([{ cmd: 'puback', messageId: 1 }]);
    expect(test.log.records).toHaveLength(1);
  });

  it('awaits the appends in flight, and refuses newcomers meanwhile', async () => {
    const test = await startTestGateway({ limits: { shutdownAppendsMs: 60_000 } });
    const client = await RawClient.device(test.port, 'dev-1');
    const waitingRoom = await RawClient.open(test.port);
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1), publishPacket('dev-1', reading(2), 2));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    const stopped = test.gateway.stop();
    expect(test.gateway.readiness().mqtt.up).toBe(false);
    waitingRoom.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'dev-2',
    });
    expect(await waitingRoom.next()).toMatchObject({ cmd: 'connack', returnCode: 3 });
    await expect(RawClient.open(test.port)).rejects.toThrow('ECONNREFUSED');
    test.log.release();
    await stopped;
    await client.closed;
    expect(client.received.map(({ messageId }) => messageId)).toEqual([1, 2]);
  });

  it('awaits the appends in flight no longer than its deadline; what is durable by then is acknowledged', async () => {
    const test = await startTestGateway({ limits: { shutdownAppendsMs: 50, shutdownLingerMs: 100 } });
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1), publishPacket('dev-1', reading(2), 2));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    const stopped = test.gateway.stop();
    test.log.settle(0);
    await stopped;
    await client.closed;
    expect(client.received).toMatchObject([{ cmd: 'puback', messageId: 1 }]);
    test.log.release();
  });
});
