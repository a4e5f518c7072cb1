import { Worker } from 'node:worker_threads';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { AnswerMessage, DatabaseRequests, RequestMessage, RequestName } from './database-requests.ts';
import type { SqliteFailure } from './sqlite-failures.ts';
import type { DatabaseOptions } from './telemetry-database.ts';

export type Answer<Name extends RequestName> =
  | { readonly result: DatabaseRequests[Name]['result'] }
  | { readonly failure: SqliteFailure };

type Settle = (answer: Answer<RequestName>) => void;

/**
 * The database in a thread of its own, because a commit waits for the disk and this process also serves MQTT.
 *
 * Without a thread the next call starts one and opens the file (*opening*); then calls are sent and answered in order
 * (*open*). A thread that ends by itself settles its calls with a failure, and the next call starts another one: a
 * commit without an answer may have happened, which is harmless, since writing points again changes nothing (P3).
 * After `close` (*closed*) every call is refused. Nothing is bounded here: each caller waits for its answer.
 */
export class DatabaseThread {
  readonly #options: DatabaseOptions;
  readonly #entry: URL;
  readonly #onLost: (why: string) => void;
  readonly #waiting = new Map<number, Settle>();
  #worker: Promise<Worker> | undefined;
  #closed = false;
  #lastId = 0;

  /**
   * @param onLost is told when calls were lost with their thread.
   * @param entry what runs in the thread.
   */
  constructor(
    options: DatabaseOptions,
    onLost: (why: string) => void,
    entry = new URL('./database-worker.ts', import.meta.url),
  ) {
    this.#options = options;
    this.#entry = entry;
    this.#onLost = onLost;
  }

  /** @throws PipelineError as {@link TelemetryDatabase} does */
  async open(): Promise<void> {
    this.#worker ??= this.#start();
    await this.#worker;
  }

  /** @throws PipelineError when the file cannot be opened, or `closed` */
  async call<Name extends RequestName>(
    name: Name,
    parameters: DatabaseRequests[Name]['parameters'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Answer<Name>> {
    if (this.#closed) throw new PipelineError('closed', 'the telemetry store is closed');
    this.#worker ??= this.#start();
    return this.#send(await this.#worker, name, parameters, transfer);
  }

  /** Lets the calls that were made be answered, then ends the thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const worker = await this.#worker?.catch(() => undefined);
    if (worker !== undefined) await this.#send(worker, 'close', {}, []);
  }

  #send<Name extends RequestName>(
    worker: Worker,
    name: Name,
    parameters: DatabaseRequests[Name]['parameters'],
    transfer: readonly ArrayBuffer[],
  ): Promise<Answer<Name>> {
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, resolve as Settle);
      worker.postMessage({ id, name, parameters } as RequestMessage, [...transfer]);
    });
  }

  #start(): Promise<Worker> {
    const { promise, resolve, reject } = Promise.withResolvers<Worker>();
    const worker = new Worker(this.#entry, {
      name: 'telemetry-store',
      // Not those of the process: some of them (`--input-type`) are refused in a thread.
      execArgv: [],
      workerData: this.#options,
    });
    let why = 'it ended by itself';
    worker.on('message', (message: AnswerMessage) => {
      if (!('opened' in message)) {
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
      } else if (message.opened) resolve(worker);
      else {
        why = message.message;
        reject(new PipelineError(message.code, why, { retryable: message.code === 'store-unavailable' }));
      }
    });
    worker.on('error', (error) => {
      why = describeError(error);
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      reject(
        new PipelineError('store-unavailable', `the database thread ended: ${why}`, { retryable: true }),
      );
      const lost = [...this.#waiting.values()];
      this.#waiting.clear();
      if (!this.#closed && lost.length > 0) this.#onLost(why);
      for (const settle of lost)
        settle({ failure: { code: 0, message: `the database thread ended: ${why}` } });
    });
    return promise;
  }
}
