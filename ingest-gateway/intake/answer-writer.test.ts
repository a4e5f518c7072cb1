import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AnswerWriter } from './answer-writer.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('answer writer', () => {
  it('[P1] writes what was earned in one turn at once, in its order, and the next turn after it', async () => {
    const chunks: string[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _, done) {
        chunks.push(chunk.toString('hex'));
        done();
      },
    });
    const writer = new AnswerWriter(stream, () => expect.unreachable());
    for (const id of [1, 65_535, 256]) writer.puback(id);
    expect(chunks).toEqual([]);
    await Promise.resolve().then(() => writer.puback(7));
    await turn();
    writer.puback(8);
    await turn();
    expect(chunks).toEqual(['40020001' + '4002ffff' + '40020100' + '40020007', '40020008']);
  });

  it('[P6] says so when the client does not take its answers', async () => {
    const stream = new Writable({ highWaterMark: 8, write: () => undefined });
    let full = 0;
    const writer = new AnswerWriter(stream, () => full++);
    writer.puback(1);
    await turn();
    expect(full).toBe(0);
    writer.puback(2);
    await turn();
    expect(full).toBe(1);
  });

  it('writes nothing to a stream that has ended', async () => {
    const stream = new PassThrough();
    const writer = new AnswerWriter(stream, () => expect.unreachable());
    writer.puback(1);
    stream.destroy();
    await once(stream, 'close');
    writer.puback(2);
    await turn();
  });
});
