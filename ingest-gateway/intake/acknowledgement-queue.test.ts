import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { AcknowledgementQueue } from './acknowledgement-queue.ts';

const notDurable = new PipelineError('not-durable', 'late');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('acknowledgement queue', () => {
  it('[P1] releases in the order of the publishes, whatever order they become durable in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(40).keys()], { minLength: 40 }), (order) => {
        const queue = new AcknowledgementQueue();
        const released: number[] = [];
        const entries = [...order].sort((a, b) => a - b).map((id) => queue.push(() => released.push(id)));
        const settled = new Set<number>();
        for (const id of order) {
          settled.add(id);
          queue.settle(entries[id] as (typeof entries)[0], 'durable');
          let contiguous = 0;
          while (settled.has(contiguous)) contiguous++;
          expect(released).toEqual([...Array(contiguous).keys()]);
        }
      }),
    );
  });

  it('[P1] releases nothing from a failed message on, and ends the connection a turn later', async () => {
    const queue = new AcknowledgementQueue();
    const calls: (string | undefined)[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) =>
      queue.push((error) => calls.push(error ? `${name}: ${error.message}` : name)),
    ) as [ReturnType<typeof queue.push>, ReturnType<typeof queue.push>, ReturnType<typeof queue.push>];
    queue.settle(third, 'durable');
    queue.settle(second, notDurable);
    expect(calls).toEqual([]);
    queue.settle(first, 'durable');
    expect(calls).toEqual(['first']);
    await turn();
    expect(calls).toEqual(['first', 'second: late']);
  });

  it('calls nobody back after it was discarded', async () => {
    const queue = new AcknowledgementQueue();
    const entry = queue.push(() => expect.unreachable());
    queue.discard();
    queue.settle(entry, 'durable');
    queue.settle(
      queue.push(() => expect.unreachable()),
      notDurable,
    );
    await turn();
  });

  it('keeps no memory of what was released', () => {
    const queue = new AcknowledgementQueue();
    let released = 0;
    for (let round = 0; round < 100; round++) {
      const entries = Array.from({ length: 100 }, () => queue.push(() => released++));
      for (const entry of entries) queue.settle(entry, 'durable');
    }
    expect(released).toBe(10_000);
  });
});
