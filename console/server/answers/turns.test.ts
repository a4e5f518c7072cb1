import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const replyOf = () => ({ raw: new EventEmitter() }) as unknown as FastifyReply;

test('so many at a time, the first first; who has gone does not begin', async () => {
  const turns = new Turns(1);
  const began: string[] = [];
  const first = Promise.withResolvers<string>();
  const ask = (name: string, reply = replyOf(), work = async () => name) =>
    turns.take(reply, () => {
      began.push(name);
      return work();
    });
  const gone = replyOf();
  const answers = [ask('a', replyOf(), () => first.promise), ask('b'), ask('c', gone), ask('d')];
  expect(began).toEqual(['a']);
  gone.raw.emit('close');
  first.resolve('a');
  expect(await Promise.allSettled(answers)).toMatchObject([
    { value: 'a' },
    { value: 'b' },
    { status: 'rejected', reason: { statusCode: 503 } },
    { value: 'd' },
  ]);
  expect(began).toEqual(['a', 'b', 'd']);
});

test('who goes in the middle ends the work, which makes room for the next', async () => {
  const turns = new Turns(1);
  const gone = replyOf();
  const work = turns.take(
    gone,
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  gone.raw.emit('close');
  await expect(work).rejects.toMatchObject({ statusCode: 503 });
  expect(await turns.take(replyOf(), async () => 'next')).toBe('next');
});

test('beyond a hundred that wait nobody is let in', async () => {
  const turns = new Turns(1);
  const all = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 101 }, () => turns.take(replyOf(), () => all.promise));
  await expect(turns.take(replyOf(), async () => 0)).rejects.toMatchObject({ statusCode: 503 });
  all.resolve();
  await Promise.all(waiting);
});
