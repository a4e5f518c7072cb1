import { expect, test } from 'vitest';
import { type SendCommit, SharedCommits } from './shared-commits.ts';

const forever = new AbortController().signal;
type Sent = Parameters<SendCommit>[0];

function sending(answer: (sent: Sent) => Promise<void> = async () => undefined) {
  const requests: string[] = [];
  const send: SendCommit = (sent) => {
    const offsets = sent?.topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => `${topic}/${partition}@${offset}`),
    );
    requests.push(offsets?.join(' ') ?? '');
    return answer(sent);
  };
  return { requests, send };
}

test('what partitions have done in one turn is one request', async () => {
  const { requests, send } = sending();
  const commits = new SharedCommits();
  await Promise.all(
    [0, 1, 2].map((partition) => commits.commit({ topic: 't', partition, offset: '5' }, send, forever)),
  );
  expect(requests).toEqual(['t/0@5 t/1@5 t/2@5']);
});

test('what is done while a request is under way is the next one', async () => {
  const first = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  const { requests, send } = sending(() => {
    sent.resolve();
    return requests.length === 1 ? first.promise : Promise.resolve();
  });
  const commits = new SharedCommits();
  const one = commits.commit({ topic: 't', partition: 0, offset: '5' }, send, forever);
  await sent.promise;
  const others = [1, 2].map((partition) =>
    commits.commit({ topic: 't', partition, offset: '6' }, send, forever),
  );
  first.resolve();
  await Promise.all([one, ...others]);
  expect(requests).toEqual(['t/0@5', 't/1@6 t/2@6']);
});

test('[P2] a partition that was lost before its commit was sent is left out', async () => {
  const { requests, send } = sending();
  const commits = new SharedCommits();
  const lost = new AbortController();
  const out = commits.commit({ topic: 't', partition: 0, offset: '5' }, send, lost.signal);
  const kept = commits.commit({ topic: 't', partition: 1, offset: '7' }, send, forever);
  lost.abort();
  await Promise.all([out, kept]);
  expect(requests).toEqual(['t/1@7']);
});

test('nothing is sent when all are lost', async () => {
  const { requests, send } = sending();
  const lost = AbortSignal.abort();
  await new SharedCommits().commit({ topic: 't', partition: 0, offset: '5' }, send, lost);
  expect(requests).toEqual([]);
});

test('[P2] a request that fails failed for all, and the next one is sent all the same', async () => {
  const { requests, send } = sending(async () => {
    if (requests.length === 1) throw new Error('rebalancing');
  });
  const commits = new SharedCommits();
  const all = [0, 1].map((partition) =>
    commits.commit({ topic: 't', partition, offset: '5' }, send, forever),
  );
  for (const one of all) await expect(one).rejects.toThrow('rebalancing');
  await commits.commit({ topic: 't', partition: 0, offset: '5' }, send, forever);
  expect(requests).toHaveLength(2);
});
