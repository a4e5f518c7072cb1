import type { Worker } from 'node:worker_threads';
import { startThread } from '#runtime/start-thread.ts';
import type { SlowHash } from './credential.ts';

/** Each takes a core, and up to 64 MiB while it computes. */
const THREADS = 2;
/** Of new objects, MiB: a message and its answer. */
const YOUNG_MIB = 4;
/** A thread that has had nothing to do for so long gives its memory back. Milliseconds. */
const IDLE_MS = 60_000;

export interface HashRequest {
  readonly id: number;
  readonly password: Uint8Array;
  readonly hash: SlowHash;
}

export interface HashAnswer {
  readonly id: number;
  readonly isRight: boolean;
  readonly error?: string;
}

interface HashThread {
  readonly worker: Worker;
  readonly waiting: Map<number, PromiseWithResolvers<boolean>>;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Computes slow hashes in threads of its own. Not on libuv's pool, which has no priorities and is needed for files and names: a
 * storm of logins would take the cores from the event loop, and with them every device that is connected. And each thread
 * has a queue of its own, so that the next hash is begun when one is done, however late the event loop hears of that.
 *
 * A thread is started by the first hash, which most pipelines never have, and ends when it has had nothing to do for a minute. One
 * that ended by itself (out of memory) fails what it had, and the next hash starts another. Nothing is bounded here:
 * `PasswordChecks` does that.
 */
export class HashThreads implements Disposable {
  readonly #idleMs: number;
  #threads: HashThread[] = [];
  #lastId = 0;
  #isClosed = false;

  constructor(idleMs = IDLE_MS) {
    this.#idleMs = idleMs;
  }

  /** Threads that there are right now. */
  get size(): number {
    return this.#threads.length;
  }

  /** @throws what the library of the hash throws; that the thread ended, or may not begin. */
  async verify(password: Uint8Array, hash: SlowHash): Promise<boolean> {
    if (this.#isClosed) throw new Error('no hashes are computed any more');
    const thread = this.#leastBusy();
    const { worker, waiting } = thread;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<boolean>();
    clearTimeout(thread.idle);
    waiting.set(id, answer);
    worker.ref();
    worker.postMessage({ id, password, hash } satisfies HashRequest);
    return await answer.promise;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const thread of this.#threads) this.#end(thread);
  }

  #end({ worker, idle }: HashThread): void {
    clearTimeout(idle);
    void worker.terminate();
  }

  /** It keeps no process alive when it has nothing to do, nor memory for long. */
  #rest(thread: HashThread): void {
    thread.worker.unref();
    const end = (): void => {
      // Not to be chosen any more, though it may take a moment to end.
      this.#threads = this.#threads.filter((it) => it !== thread);
      this.#end(thread);
    };
    thread.idle = setTimeout(end, this.#idleMs).unref();
  }

  #leastBusy(): HashThread {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
    const isFree = idlest !== undefined && (idlest.waiting.size === 0 || this.#threads.length === THREADS);
    return isFree ? idlest : this.#start();
  }

  #start(): HashThread {
    const worker = startThread(new URL('./hash-thread.ts', import.meta.url), {
      name: 'passwords',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const thread: HashThread = { worker, waiting: new Map(), idle: undefined };
    this.#threads.push(thread);
    worker.on('message', ({ id, isRight, error }: HashAnswer) => {
      const answer = thread.waiting.get(id);
      thread.waiting.delete(id);
      if (thread.waiting.size === 0) this.#rest(thread);
      if (error === undefined) answer?.resolve(isRight);
      else answer?.reject(new Error(error));
    });
    const ended = (why: unknown): void => {
      this.#threads = this.#threads.filter((it) => it !== thread);
      for (const { reject } of thread.waiting.values())
        reject(new Error('the thread that computed the hash ended', { cause: why }));
      thread.waiting.clear();
    };
    worker.on('error', ended);
    worker.on('exit', ended);
    return thread;
  }
}
