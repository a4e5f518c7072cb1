import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PipelineError } from '#runtime/errors.ts';
import type { LogThreadMessage, LogThreadOptions, LogThreadRequest } from './log-thread-messages.ts';

/** Signatures of calls, each with at most one argument. */
type Calls<T> = { [Name in keyof T]: (request: never) => unknown };

interface Waiting {
  resolve(result: unknown): void;
  reject(error: PipelineError): void;
}

/**
 * This side of a thread: calls become messages, answers settle promises, in order. A thread that dies (it ran out of
 * memory, or has a fault) takes its calls with it and stays dead: `died` says so, and whoever depends on it stops, so
 * that the supervisor restarts the process with a clean state.
 */
export class LogThreadClient<T extends Calls<T>> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<unknown>;
  readonly #died = Promise.withResolvers<PipelineError>();
  #lastId = 0;
  #closing = false;
  #death: PipelineError | undefined;

  constructor(options: LogThreadOptions, onChanged: () => void = () => undefined) {
    this.#worker = new Worker(new URL('./log-thread.ts', import.meta.url), {
      name: `event-log-${options.role}`,
      workerData: options,
      // The thread needs none of the flags of the process, and some (`--eval`'s) would keep it from starting.
      execArgv: [],
    });
    this.#exited = once(this.#worker, 'exit').catch(() => undefined);
    this.#worker.on('message', (message: LogThreadMessage) => {
      if (message.kind === 'changed') onChanged();
      else this.#settle(message);
    });
    this.#worker.on('error', (error) => this.#onDeath(error));
    this.#worker.on('exit', () => this.#onDeath(undefined));
  }

  /** Resolves when the thread died without having been told to. */
  get died(): Promise<PipelineError> {
    return this.#died.promise;
  }

  /** @throws PipelineError `event-log-unavailable`; its `reason` is the cause, `damaged` when the file is */
  call<Name extends keyof T & string>(
    name: Name,
    request: Parameters<T[Name]>[0],
    transfer: ArrayBuffer[] = [],
  ): Promise<ReturnType<T[Name]>> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const id = ++this.#lastId;
    const message: LogThreadRequest = { id, name, request };
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#worker.postMessage(message, transfer);
    return answer as Promise<ReturnType<T[Name]>>;
  }

  /** After the answers to all calls made so far. */
  async close(): Promise<void> {
    this.#closing = true;
    const message: LogThreadRequest = { id: 0, name: 'close', request: undefined };
    this.#worker.postMessage(message);
    await this.#exited;
  }

  #settle(message: Exclude<LogThreadMessage, { kind: 'changed' }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'result') {
      waiting?.resolve(message.result);
      return;
    }
    const { detail, damaged, cause } = message.failure;
    waiting?.reject(
      new PipelineError('event-log-unavailable', `event log: ${detail}`, {
        retryable: !damaged,
        reason: damaged ? 'damaged' : cause,
      }),
    );
  }

  #onDeath(cause: unknown): void {
    if (this.#death !== undefined) return;
    this.#death = this.#closing
      ? new PipelineError('closed', 'the event log is closed')
      : new PipelineError('event-log-unavailable', 'a thread of the event log ended unexpectedly', { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#death);
    this.#waiting.clear();
    if (!this.#closing) this.#died.resolve(this.#death);
  }
}
