import { PassThrough } from 'node:stream';
import type { PublishPacket } from 'aedes';
import { describe, expect, it } from 'vitest';
import { AnswerWriter } from '#ingest-gateway/intake/answer-writer.ts';
import { Mqtt3Answers } from './mqtt3-answers.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('answers of MQTT 3.1.1', () => {
  it.each([
    [0, 'accepted', ''],
    [1, 'accepted', '40020007'],
    [1, 'discarded', '40020007'],
    [2, 'accepted', '50020007'],
    [2, 'discarded', '50020007'],
    [1, new Error('not durable'), ''],
    [2, new Error('not durable'), ''],
  ] as const)('[P1] QoS %d, %s', async (qos, outcome, written) => {
    const stream = new PassThrough();
    const answers = new Mqtt3Answers(new AnswerWriter(stream, () => expect.unreachable()));
    const packet = { cmd: 'publish', topic: 't', payload: '', dup: false, retain: false } as const;
    const publish: PublishPacket = { ...packet, qos, messageId: qos === 0 ? undefined : 7 } as PublishPacket;
    const calls: unknown[] = [];
    const answer = answers.toPublish(publish, (error) => calls.push(error));
    expect(publish.qos).toBe(0);
    expect(calls).toEqual([]);
    answer(outcome);
    await turn();
    expect(((stream.read() as Buffer | null) ?? Buffer.of()).toString('hex')).toBe(written);
    expect(calls).toEqual([typeof outcome === 'string' ? undefined : outcome]);
  });
});
