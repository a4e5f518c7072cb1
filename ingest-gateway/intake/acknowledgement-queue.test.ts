import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import {
  AcknowledgementQueue,
  type MessageOutcome,
  type PendingAcknowledgement,
} from './acknowledgement-queue.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const notDurable = new PipelineError('not-durable', 'late');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function pushed(
  queue: AcknowledgementQueue,
  answer: (outcome: MessageOutcome) => void,
): PendingAcknowledgement {
  const message: PendingAcknowledgement = { outcome: 'pending', next: undefined, answer };
  queue.push(message);
  return message;
}

describe('acknowledgement queue', () => {
  it('[P1] releases in the order of the publishes, whatever order they become durable in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(40).keys()], { minLength: 40 }), (order) => {
        const queue = new AcknowledgementQueue();
        const released: number[] = [];
        const entries = [...order].sort((a, b) => a - b).map((id) => pushed(queue, () => released.push(id)));
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
      pushed(queue, (outcome) =>
        calls.push(typeof outcome === 'string' ? name : `${name}: ${outcome.message}`),
      ),
    ) as [PendingAcknowledgement, PendingAcknowledgement, PendingAcknowledgement];
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
    const message = pushed(queue, () => expect.unreachable());
    queue.discard();
    queue.settle(message, 'accepted');
    queue.settle(
      pushed(queue, () => expect.unreachable()),
      notDurable,
    );
    await turn();
  });

  it('[P6] what was released, and is kept by somebody, keeps none of those that came after it', () => {
    const queue = new AcknowledgementQueue();
    const messages = Array.from({ length: 3 }, () => pushed(queue, () => undefined));
    for (const message of messages) queue.settle(message, 'accepted');
    expect(messages.map(({ next }) => next)).toEqual([undefined, undefined, undefined]);
  });

  it('[P6] keeps no memory of what was released, with others still waiting', async () => {
    const queue = new AcknowledgementQueue();
    const push = (): [WeakRef<object>, PendingAcknowledgement] => {
      const message = pushed(queue, () => undefined);
      return [new WeakRef(message), message];
    };
    const messages = Array.from({ length: 100 }, () => {
      const [reference, message] = push();
      queue.settle(message, 'accepted');
      return reference;
    });
    const [waiting] = push();
    // A target is kept until the end of the turn in which its reference was made.
    await turn();
    collectGarbage();
    expect(messages.filter((message) => message.deref() !== undefined)).toEqual([]);
    expect(waiting.deref()).toBeDefined();
  });
});
