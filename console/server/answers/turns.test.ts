import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { expect, test, vi } from 'vitest';
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

test('who has gone keeps no place among those who wait', async () => {
  const turns = new Turns(2);
  const all = Promise.withResolvers<string>();
  const running = [1, 2].map(() => turns.take(replyOf(), () => all.promise));
  const left = Array.from({ length: 100 }, () => {
    const reply = replyOf();
    const answer = turns.take(reply, async () => 'nobody reads it');
    reply.raw.emit('close');
    return answer;
  });
  const fresh = turns.take(replyOf(), async () => 'fresh');
  const [settled] = await Promise.all([
    Promise.allSettled(left),
    expect(fresh).resolves.toBe('fresh'),
    all.resolve('done'),
  ]);
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
  expect(await Promise.all(running)).toEqual(['done', 'done']);
});

test('who has gone before it was asked for begins nothing', async () => {
  const before = replyOf();
  before.raw.destroyed = true;
  const work = vi.fn(async () => 'nobody reads it');
  await expect(new Turns(1).take(before, work)).rejects.toMatchObject({ statusCode: 503 });
  expect(work).not.toHaveBeenCalled();
});

test('no turn is lost with who goes at the moment in which it comes, whichever that is', async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    const turns = new Turns(1);
    const first = Promise.withResolvers<string>();
    const leaving = replyOf();
    const answers = [
      turns.take(replyOf(), () => first.promise),
      turns.take(leaving, async () => 'may be read'),
      turns.take(replyOf(), async () => 'last'),
    ];
    first.resolve('first');
    for (let tick = 0; tick < ticks; tick++) await null;
    leaving.raw.emit('close');
    expect((await Promise.allSettled(answers)).at(-1), `${ticks} ticks`).toMatchObject({ value: 'last' });
  }
});
