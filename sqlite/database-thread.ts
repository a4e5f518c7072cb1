import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { describeError, type ErrorCode, PipelineError } from '#runtime/errors.ts';
import { startThread } from '#runtime/start-thread.ts';
import type { Calls, ThreadMessage, ThreadRequest } from './thread-messages.ts';

export interface DatabaseThreadOptions<Event> {
  /** For debuggers and errors: `event log`. */
  readonly name: string;
  /** What runs in the thread: a module that calls `serveDatabase`. */
  readonly entry: URL;
  readonly workerData: unknown;
  /** The code of errors that come from the thread. */
  readonly code: ErrorCode;
  /**
   * What is to be done about a thread that ended by itself (it ran out of memory, or has a fault): `stay-dead`, for an
   * owner that stops then, so that the process is restarted with a clean state; or `start-another` with the next call.
   */
  readonly afterDeath: 'stay-dead' | 'start-another';
  /** Told when the thread ended by itself, or could not open its file, with the number of calls it took with it. */
  readonly onDeath?: (death: PipelineError, lostCalls: number) => void;
  readonly onEvent?: (event: Event) => void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: PipelineError): void;
}

interface RunningThread {
  readonly worker: Worker;
  readonly opened: PromiseWithResolvers<void>;
  readonly exited: Promise<unknown>;
  readonly waiting: Map<number, Waiting>;
}

/**
 * Of new objects, MiB. What such a thread makes is batches that are gone when they are answered. V8 would let each thread have
 * 192 on a machine with free memory, more than everything else together.
 */
const YOUNG_MIB = 24;

/** The `reason` of errors of calls whose thread ended; whether they were carried out is not known. */
export const THREAD_DIED = 'thread-died';

/**
 * A file of SQLite in a thread of its own, seen from outside: calls become messages, answers settle promises, in order.
 *
 * Without a thread `open` or a call starts one (*opening*); calls are sent at once and wait in its queue until the file
 * is open (*open*). A thread that cannot open its file or ends by itself (*dead*) takes its calls with it; then every
 * later call fails, or the next one starts another thread, as `afterDeath` says. After `close` (*closed*) calls are
 * refused. Nothing is bounded here: each caller waits for its answer.
 */
export class DatabaseThread<T extends Calls<T>, Event = never> {
  readonly #options: DatabaseThreadOptions<Event>;
  #running: RunningThread | undefined;
  #death: PipelineError | undefined;
  #closed = false;
  #lastId = 0;

  constructor(options: DatabaseThreadOptions<Event>) {
    this.#options = options;
  }

  /** Resolves when the file is open. @throws PipelineError what the thread threw, or `code` when it died */
  async open(): Promise<void> {
    await this.#thread().opened.promise;
  }

  /**
   * @throws PipelineError what the thread threw when the file could not be opened
   * @throws PipelineError `code`; its `reason` is a {@link SqliteFailureKind}, or {@link THREAD_DIED}
   * @throws PipelineError `closed`
   */
  async call<Name extends keyof T & string>(
    name: Name,
    request: Parameters<T[Name]>[0],
    transfer: ArrayBuffer[] = [],
  ): Promise<ReturnType<T[Name]>> {
    const { worker, waiting } = this.#thread();
    const id = ++this.#lastId;
    const message: ThreadRequest = { id, name, request };
    const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage(message, transfer);
    return (await answer) as ReturnType<T[Name]>;
  }

  /** After the answers to all calls made so far. */
  async close(): Promise<void> {
    this.#closed = true;
    const message: ThreadRequest = { id: 0, name: 'close', request: undefined };
    this.#running?.worker.postMessage(message);
    await this.#running?.exited;
  }

  #thread(): RunningThread {
    if (this.#closed) throw new PipelineError('closed', `the ${this.#options.name} is closed`);
    if (this.#death !== undefined) throw this.#death;
    this.#running ??= this.#start();
    return this.#running;
  }

  #start(): RunningThread {
    const { name, entry, workerData } = this.#options;
    const worker = startThread(entry, {
      name,
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const thread: RunningThread = {
      worker,
      opened: Promise.withResolvers(),
      exited: once(worker, 'exit').catch(() => undefined),
      waiting: new Map(),
    };
    // Calls tell the same; whoever awaits the opening sees it as well.
    thread.opened.promise.catch(() => undefined);
    worker.on('message', (message: ThreadMessage<Event>) => this.#onMessage(thread, message));
    worker.on('error', (error) => this.#onEnd(thread, this.#died(describeError(error))));
    worker.on('exit', () => this.#onEnd(thread, this.#died('it ended by itself')));
    return thread;
  }

  #onMessage(thread: RunningThread, message: ThreadMessage<Event>): void {
    switch (message.kind) {
      case 'opened':
        thread.opened.resolve();
        break;
      case 'refused': {
        const { code, retryable } = message;
        this.#onEnd(thread, new PipelineError(code, message.message, { retryable }));
        break;
      }
      case 'event':
        this.#options.onEvent?.(message.event);
        break;
      case 'result':
        thread.waiting.get(message.id)?.resolve(message.result);
        thread.waiting.delete(message.id);
        break;
      case 'failure': {
        const { kind, detail } = message.failure;
        const { code, name } = this.#options;
        const options = { retryable: kind !== 'damaged', reason: kind };
        thread.waiting.get(message.id)?.reject(new PipelineError(code, `${name}: ${detail}`, options));
        thread.waiting.delete(message.id);
        break;
      }
    }
  }

  /** Once per thread: a second time there is nothing left to end. */
  #onEnd(thread: RunningThread, death: PipelineError): void {
    if (this.#running !== thread) return;
    this.#running = undefined;
    const closed = new PipelineError('closed', `the ${this.#options.name} is closed`);
    const error = this.#closed ? closed : death;
    thread.opened.reject(error);
    for (const { reject } of thread.waiting.values()) reject(error);
    if (this.#closed) return;
    if (this.#options.afterDeath === 'stay-dead') this.#death = death;
    this.#options.onDeath?.(death, thread.waiting.size);
  }

  #died(why: string): PipelineError {
    const { code, name, afterDeath } = this.#options;
    return new PipelineError(code, `a thread of the ${name} ended: ${why}`, {
      reason: THREAD_DIED,
      retryable: afterDeath === 'start-another',
    });
  }
}
