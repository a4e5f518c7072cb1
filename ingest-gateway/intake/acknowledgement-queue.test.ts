import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { AcknowledgementQueue } from './acknowledgement-queue.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

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
          queue.settle(entries[id] as (typeof entries)[0], 'accepted');
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
      queue.push((outcome) => calls.push(typeof outcome === 'string' ? name : `${name}: ${outcome.message}`)),
    ) as [ReturnType<typeof queue.push>, ReturnType<typeof queue.push>, ReturnType<typeof queue.push>];
    queue.settle(third, 'accepted');
    queue.settle(second, notDurable);
    expect(calls).toEqual([]);
    queue.settle(first, 'accepted');
    expect(calls).toEqual(['first']);
    await turn();
    expect(calls).toEqual(['first', 'second: late']);
  });

  it('calls nobody back after it was discarded', async () => {
    const queue = new AcknowledgementQueue();
    const entry = queue.push(() => expect.unreachable());
    queue.discard();
    queue.settle(entry, 'accepted');
    queue.settle(
      queue.push(() => expect.unreachable()),
      notDurable,
    );
    await turn();
  });

  it('[P6] keeps no memory of what was released, with others still waiting', async () => {
    const queue = new AcknowledgementQueue();
    const push = (): [WeakRef<object>, ReturnType<typeof queue.push>] => {
      const callback = (): void => undefined;
      return [new WeakRef(callback), queue.push(callback)];
    };
    const callbacks = Array.from({ length: 100 }, () => {
      const [callback, entry] = push();
      queue.settle(entry, 'accepted');
      return callback;
    });
    const [waiting] = push();
    // A target is kept until the end of the turn in which its reference was made.
    await turn();
    collectGarbage();
    expect(callbacks.filter((callback) => callback.deref() !== undefined)).toEqual([]);
    expect(waiting.deref()).toBeDefined();
  });
});
