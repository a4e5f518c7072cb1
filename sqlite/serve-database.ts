import { parentPort } from 'node:worker_threads';
import { createBufferRelease } from '#runtime/buffer-release.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { giveMemoryBack } from '#runtime/heap-rest.ts';
import { describeSqliteFailure } from './sqlite-failure.ts';
import type { Calls, ThreadMessage, ThreadRequest } from './thread-messages.ts';

/** What a thread has opened. Disposed when the thread is told to end. */
export interface ServedDatabase<T extends Calls<T>> extends Disposable {
  readonly calls: T;
  /** The memory in a result that changes hands instead of being copied. */
  readonly transferOf?: (result: unknown) => ArrayBuffer[];
}

/**
 * The inside of a {@link DatabaseThread}: SQLite's calls block until the disk has answered (a commit 0.5 to 4 ms here,
 * now and then 30 ms), which the event loop of the MQTT listener must not wait for. It answers one request after the
 * other and decides nothing.
 */
export function serveDatabase<T extends Calls<T>, Event = never>(
  open: (emit: (event: Event) => void) => ServedDatabase<T>,
): void {
  const port = parentPort;
  if (port === null) return;
  const send = (message: ThreadMessage<Event>, transfer: ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);
  let served: ServedDatabase<T>;
  try {
    served = open((event) => send({ kind: 'event', event }));
  } catch (error) {
    const { code, retryable } =
      error instanceof PipelineError ? error : { code: 'configuration' as const, retryable: false };
    send({ kind: 'refused', code, message: describeError(error), retryable });
    return;
  }
  send({ kind: 'opened' });
  giveMemoryBack();

  // Batches come and go as buffers, and there is little else.
  const releaseBuffers = createBufferRelease();
  const calls = served.calls as unknown as Record<string, (request: unknown) => unknown>;
  port.on('message', ({ id, name, request }: ThreadRequest) => {
    if (name === 'close') {
      served[Symbol.dispose]();
      port.close();
      return;
    }
    try {
      const result = calls[name]?.(request);
      send({ kind: 'result', id, result }, served.transferOf?.(result));
    } catch (error) {
      send({ kind: 'failure', id, failure: describeSqliteFailure(error) });
    }
    releaseBuffers();
  });
}
