import { randomBytes } from 'node:crypto';
import type kafkajs from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { decodeDeadLetter } from '#contract/dead-letter.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { pipelineTopics } from '#event-log/pipeline-topics.ts';
import { publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { replayLetters } from '#processors/dead-letters/replay.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason, required } from '#services/provide.ts';

const HOUR_MS = 3_600_000;
const TOPIC_RESOURCE = 2;

/**
 * Aim: a limit that is lowered under a running gateway holds up no device. Method: `max.message.bytes` of real topics is
 * set below what a device sends, while it sends.
 */
describe.skipIf(missingReason(inject('kafka')))('a topic that takes less than it did', () => {
  test('[P2] what the log never takes is a letter and acknowledged; the rest goes on; it can be replayed later', {
    timeout: 240_000,
  }, async () => {
    const { brokers } = required(inject('kafka'));
    const name = `smaller-${randomBytes(4).toString('hex')}`;
    const topics = { telemetry: name, deadLetters: `${name}.dlq`, deadLetterState: `${name}.dlq.state` };
    const lines: Record<string, unknown>[] = [];
    const eventLog = await openKafkaEventLog(
      { brokers, ssl: false, clientId: name, topicPartitions: 1 },
      {
        log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) }),
        metrics: new Registry(),
        now: Date.now,
        random: Math.random,
      },
    );
    onTestFinished(() => eventLog.close());
    const retention = { telemetryRetentionMs: HOUR_MS, deadLetterRetentionMs: HOUR_MS };
    await eventLog.ensureTopics(pipelineTopics({ topics, ...retention }));
    const admin = createKafkaClient(brokers).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());

    await using gateway = await startTestGateway({ topics }, { eventLog });
    // Until each topic was probed there is no proof that it can be written.
    const client = await eventually(() => RawClient.device(gateway.port, 'dev-1'));
    let id = 0;
    const publish = async (readings: number) => {
      const message = `[${Array.from({ length: readings }, (_, i) => reading(100 * id + i)).join()}]`;
      client.send(publishPacket('dev-1', message, ++id));
      expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: id });
      return message;
    };
    const letters = async () => {
      const records = await Array.fromAsync(eventLog.read(topics.deadLetters));
      return records.map((record) => decodeDeadLetter(record));
    };
    await publish(1);
    expect(gateway.gateway.readiness().eventLog).toEqual({ required: true, up: true, detail: '' });

    await limit(admin, topics.telemetry, 2_000);
    // Brokers learn of it in their own time: until then it is appended.
    const refused = await eventually(async () => {
      const message = await publish(40);
      const found = (await letters()).find((letter) => String(letter?.payload) === message);
      expect(found).toMatchObject({ reason: 'refused-by-log' });
      return message;
    });
    const before = gateway.gateway.accounting();
    await publish(1);
    expect(gateway.gateway.accounting()).toMatchObject({ appended: before.appended + 1, unconfirmed: 0 });
    expect(gateway.gateway.readiness().eventLog).toMatchObject({
      up: true,
      refusalTrouble: expect.stringContaining(
        `topic ${name} refused a record for good: MESSAGE_TOO_LARGE, its value has ${refused.length} bytes`,
      ),
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'record refused for good', topic: name, bytes: refused.length }),
    );

    const replay = () =>
      replayLetters(
        { filter: {}, dryRun: false, signal: new AbortController().signal },
        { eventLog, topics, now: Date.now },
        SCHEMAS,
      );
    expect(await replay()).toMatchObject({ letters: 1, passed: 0, failedAgain: 1 });
    await limit(admin, topics.telemetry, 1_048_588);
    await eventually(async () => {
      const { appended } = gateway.gateway.accounting();
      await publish(40);
      expect(gateway.gateway.accounting().appended).toBe(appended + 40);
    });
    expect(await replay()).toMatchObject({ failedAgain: 0, parked: 0 });
    const stored = await Array.fromAsync(eventLog.read(topics.telemetry));
    expect(stored.map(({ value }) => String(value))).toContain(refused);

    await limit(admin, topics.telemetry, 2_000);
    await limit(admin, topics.deadLetters, 2_000);
    await eventually(async () => {
      const message = await publish(40);
      expect((await letters()).at(-1)).toMatchObject({
        reason: 'refused-by-log',
        payload: Buffer.from(message).subarray(0, 1024),
        detail: { bytes: message.length, keptBytes: 1024 },
      });
    });
  });
});

const { schemas: SCHEMAS } = loadContract({
  schemaDir: undefined,
  mappings: [],
  mappingDir: undefined,
  siteZone: 'UTC',
});

async function limit(admin: kafkajs.Admin, topic: string, bytes: number): Promise<void> {
  const configEntries = [
    { name: 'max.message.bytes', value: String(bytes) },
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
  ];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: TOPIC_RESOURCE, name: topic, configEntries }],
  });
}
