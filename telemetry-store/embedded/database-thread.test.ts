import { expect, test } from 'vitest';
import { DatabaseThread } from './database-thread.ts';

/** A thread that opens, answers `ping`, and dies of anything else. */
const fragile = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage({ opened: true });
    parentPort.on('message', ({ id, name }) => {
      if (name === 'ping') parentPort.postMessage({ id, result: true });
      else if (name === 'close') parentPort.close();
      else throw new Error('out of luck');
    });`)}`,
);

test('a thread that dies fails its calls, and the next call starts another one', async () => {
  const lost: string[] = [];
  const thread = new DatabaseThread(
    { dataDir: 'none', role: 'owner' },
    (why) => void lost.push(why),
    fragile,
  );
  expect(await thread.call('ping', {})).toEqual({ id: 1, result: true });
  const calls = [1, 2, 3].map(() => thread.call('latest', { deviceId: 'x', limit: 1 }));
  for (const answer of await Promise.all(calls)) {
    expect(answer).toMatchObject({ failure: { message: 'the database thread ended: out of luck' } });
  }
  expect(lost).toEqual(['out of luck']);
  expect(await thread.call('ping', {})).toMatchObject({ result: true });
  await thread.close();
  await expect(thread.call('ping', {})).rejects.toMatchObject({ code: 'closed' });
});
