import { describe, expect, test, vi } from 'vitest';
import type { DeliveredBatch, SubscribeOptions } from '#event-log/event-log.ts';
import { handleBatch } from '#event-log/handle-batch.ts';

const batch: DeliveredBatch = {
  topic: 't',
  partition: 3,
  records: [
    { topic: 't', partition: 3, offset: 7, timestamp: 0, key: null, value: null, headers: {} },
    { topic: 't', partition: 3, offset: 9, timestamp: 0, key: null, value: null, headers: {} },
  ],
};
const identity = { topic: 't', partition: 3, group: 'g', firstOffset: 7, records: 2 };

function setUp(onBatch: SubscribeOptions['onBatch'], graceMs?: number) {
  const telemetry = { batchRejected: vi.fn(), batchDiscarded: vi.fn() };
  const lost = new AbortController();
  const later: SubscribeOptions['onBatch'] = async (...given) => {
    await null;
    await onBatch(...given);
  };
  const done = handleBatch(batch, { group: 'g', onBatch: later }, lost.signal, {
    telemetry,
    random: () => 1,
    ...(graceMs !== undefined && { graceMs }),
  });
  return { telemetry, lost, done };
}

describe('handling a batch', () => {
  test('[P2] whatever the handler throws, the same records come again until it resolves', async () => {
    const seen: DeliveredBatch[] = [];
    const { done, telemetry } = setUp(async (given) => {
      seen.push(given);
      if (seen.length < 3) throw seen.length === 1 ? new TypeError('a fault') : 'not even an error';
    });
    expect(await done).toBe(true);
    expect(seen).toEqual([batch, batch, batch]);
    expect(telemetry.batchRejected.mock.calls.map(([it]) => it)).toEqual([identity, identity]);
    expect(telemetry.batchDiscarded).not.toHaveBeenCalled();
  });

  test('[P2] a batch that was lost meanwhile is discarded, whatever its handler returned', async () => {
    const { done, lost, telemetry } = setUp(async () => lost.abort(new Error('revoked')));
    expect(await done).toBe(false);
    expect(telemetry.batchDiscarded).toHaveBeenCalledExactlyOnceWith(identity, 'revoked');
    expect(telemetry.batchRejected).not.toHaveBeenCalled();
  });

  test('a handler that fails because its batch was lost is no rejection', async () => {
    const { done, lost, telemetry } = setUp(async (_, signal) => {
      lost.abort(new Error('revoked'));
      signal.throwIfAborted();
    });
    expect(await done).toBe(false);
    expect(telemetry.batchRejected).not.toHaveBeenCalled();
    expect(telemetry.batchDiscarded).toHaveBeenCalledOnce();
  });

  test('after the loss the handler is waited for as long as it takes', async () => {
    const handling = Promise.withResolvers<void>();
    const { done, lost } = setUp(() => handling.promise);
    lost.abort(new Error('closing'));
    let over = false;
    void done.then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    handling.resolve();
    expect(await done).toBe(false);
  });

  test('or, with a grace, no longer than that', async () => {
    const { done, lost } = setUp(() => new Promise(() => undefined), 1);
    lost.abort(new Error('revoked'));
    expect(await done).toBe(false);
  });

  test('lost before it began: the handler is not called', async () => {
    const onBatch = vi.fn();
    const lost = AbortSignal.abort(new Error('closing'));
    const telemetry = { batchRejected: vi.fn(), batchDiscarded: vi.fn() };
    expect(await handleBatch(batch, { group: 'g', onBatch }, lost, { telemetry, random: () => 1 })).toBe(
      false,
    );
    expect(onBatch).not.toHaveBeenCalled();
  });
});
