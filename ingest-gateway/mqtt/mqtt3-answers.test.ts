import { PassThrough } from 'node:stream';
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
    const ends: Error[] = [];
    const writer = new AnswerWriter(stream, () => expect.unreachable());
    const end = (error: Error): void => void ends.push(error);
    const answers = new Mqtt3Answers(writer, { end, endSession: () => expect.unreachable() });
    answers.answer(qos, qos === 0 ? 0 : 7, outcome);
    await turn();
    expect(((stream.read() as Buffer | null) ?? Buffer.of()).toString('hex')).toBe(written);
    expect(ends).toEqual(typeof outcome === 'string' ? [] : [outcome]);
  });
});
