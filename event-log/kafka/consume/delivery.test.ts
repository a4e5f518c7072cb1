import type { EachBatchPayload } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, test, vi } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { SubscribeOptions } from '#event-log/event-log.ts';
import { createKafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import {
  DamagedBatch,
  FetchedRecord,
  FetchedUpTo,
  SecondLook,
} from '#event-log/kafka/wire/fetched-record.ts';
import { deliver, type LookAgain } from './delivery.ts';
import { SharedCommits } from './shared-commits.ts';

function setUp(
  options: Partial<SubscribeOptions> & Pick<SubscribeOptions, 'onBatch'>,
  payload: object = {},
  lookAgain: LookAgain = async () => ({ records: [], last: undefined }),
) {
  const context = { firstOffset: '10', lastOffsetDelta: 3, producerId: '-1', inTransaction: false };
  const [key, value] = [Buffer.from('k'), Buffer.from('v')];
  const messages = [10, 11, 12, 13].map(
    (offset) => new FetchedRecord(offset, 1_764_000_000_000, key, value, {}, false, context),
  );
  const committed: string[] = [];
  const resolved: string[] = [];
  const eachBatch = {
    batch: { topic: 't', partition: 3, messages, lastOffset: () => '13' },
    heartbeat: async () => undefined,
    resolveOffset: (offset: string) => void resolved.push(offset),
    commitOffsetsIfNecessary: async ({ topics }: { topics: { partitions: { offset: string }[] }[] }) =>
      void committed.push(topics[0]?.partitions[0]?.offset ?? ''),
    ...payload,
  } as unknown as EachBatchPayload;
  const lost = new AbortController();
  const onMembershipLost = vi.fn((error: Error) => lost.abort(error));
  const telemetry = createKafkaTelemetry({
    log: pino({ level: 'silent' }),
    metrics: new Registry(),
    now: Date.now,
    random: () => 1,
  });
  const delivered = deliver(
    eachBatch,
    { topic: 't', group: 'g', maxBatchRecords: 2, maxBatchBytes: 1_000, ...options },
    lost.signal,
    { telemetry, random: () => 1, heartbeatMs: 5, onMembershipLost, lookAgain, commits: new SharedCommits() },
  );
  return { delivered, committed, resolved, lost, onMembershipLost };
}

describe('delivery', () => {
  test('[P2] each piece is handled, then committed, then resolved', async () => {
    const events: string[] = [];
    const { delivered, committed, resolved } = setUp({
      onBatch: async ({ records }) => void events.push(`handled ${records.map((r) => r.offset)}`),
      onCommitted: ({ records }) => void events.push(`committed ${records.map((r) => r.offset)}`),
    });
    await delivered;
    expect(events).toEqual(['handled 10,11', 'committed 10,11', 'handled 12,13', 'committed 12,13']);
    expect(committed).toEqual(['12', '14']);
    expect(resolved).toEqual(['11', '13']);
  });

  test('control records behind the last record are committed with it', async () => {
    const { delivered, committed } = setUp({ onBatch: async () => undefined, maxBatchRecords: 100 }, {});
    await delivered;
    expect(committed).toEqual(['14']);
  });

  test('[P7] what nobody may see is committed without a handler, so that the group gets past it', async () => {
    const onBatch = vi.fn();
    const onCommitted = vi.fn();
    const batch = { topic: 't', partition: 3, messages: [new FetchedUpTo(13, 0)], lastOffset: () => '13' };
    const { delivered, committed, resolved } = setUp({ onBatch, onCommitted }, { batch });
    await delivered;
    expect([committed, resolved]).toEqual([['14'], ['13']]);
    expect(onBatch).not.toHaveBeenCalled();
    expect(onCommitted).not.toHaveBeenCalled();
  });

  describe('what the broker cannot read', () => {
    const batch = { topic: 't', partition: 3, messages: [new SecondLook(10)], lastOffset: () => '10' };

    test('[P5] is looked at again, delivered as what it is, and committed as far as it goes', async () => {
      const seen: LogRecord[] = [];
      const asked: unknown[] = [];
      const { delivered, committed, resolved } = setUp(
        { onBatch: async ({ records }) => void seen.push(...records), maxBatchRecords: 1 },
        { batch },
        async (...place) => {
          asked.push(place);
          const context = { firstOffset: '15', lastOffsetDelta: 0, producerId: '-1', inTransaction: false };
          const good = new FetchedRecord(15, 1, null, Buffer.from('good'), {}, false, context);
          return { records: [new DamagedBatch(10, 14, 1, null, 'CORRUPT_MESSAGE'), good], last: 15 };
        },
      );
      await delivered;
      expect(asked).toEqual([['t', 3, 10]]);
      expect(seen).toMatchObject([
        { offset: 10, damagedRecords: 5, damage: 'offsets 10 to 14 cannot be read: CORRUPT_MESSAGE' },
        { offset: 15, value: Buffer.from('good') },
      ]);
      expect([committed, resolved]).toEqual([
        ['15', '16'],
        ['14', '15'],
      ]);
    });

    test('[P2] and cannot be found out stays where it is: nothing is committed, the others go on', async () => {
      const onBatch = vi.fn();
      const asked = Promise.withResolvers<void>();
      const { delivered, committed, resolved, lost } = setUp({ onBatch }, { batch }, async () => {
        asked.resolve();
        throw new Error('no broker answers');
      });
      await asked.promise;
      lost.abort();
      await delivered;
      expect([committed, resolved]).toEqual([[], []]);
      expect(onBatch).not.toHaveBeenCalled();
    });
  });

  test('[P2] a heartbeat that fails aborts the handler, and its piece is discarded uncommitted', async () => {
    const rebalance = Object.assign(new Error('rebalance'), { type: 'REBALANCE_IN_PROGRESS' });
    let signalled = false;
    const { delivered, committed, resolved, onMembershipLost } = setUp(
      {
        onBatch: async (_, signal) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          signalled = true;
        },
      },
      { heartbeat: async () => Promise.reject(rebalance) },
    );
    await delivered;
    expect(signalled).toBe(true);
    expect(onMembershipLost).toHaveBeenCalledWith(rebalance);
    expect([committed, resolved]).toEqual([[], []]);
  });

  test('[P2] after a revoke nothing is committed, not even what was handled in time', async () => {
    const { delivered, committed, resolved, lost } = setUp({
      onBatch: async () => lost.abort(new Error('revoked')),
    });
    await delivered;
    expect([committed, resolved]).toEqual([[], []]);
  });

  test('[P2] a revoke while the commit is under way: the position is left alone', async () => {
    const { delivered, resolved, lost } = setUp(
      { onBatch: async () => undefined },
      { commitOffsetsIfNecessary: async () => lost.abort(new Error('revoked')) },
    );
    await delivered;
    expect(resolved).toEqual([]);
  });

  test('[P2] a commit that fails is not swallowed, and the position stays', async () => {
    const onCommitted = vi.fn();
    const { delivered, resolved } = setUp(
      { onBatch: async () => undefined, onCommitted },
      { commitOffsetsIfNecessary: async () => Promise.reject(new Error('not coordinator')) },
    );
    await expect(delivered).rejects.toThrow('not coordinator');
    expect(resolved).toEqual([]);
    expect(onCommitted).not.toHaveBeenCalled();
  });

  test('[P2] a handler that rejects gets the same records again, whatever it throws', async () => {
    const seen: string[] = [];
    const { delivered } = setUp({
      onBatch: async ({ records }) => {
        seen.push(String(records[0]?.offset));
        if (seen.length === 1) throw new TypeError('kafkajs would stop for good on this one');
      },
    });
    await delivered;
    expect(seen).toEqual(['10', '10', '12']);
  });
});
