import { describeError } from '#runtime/errors.ts';
import { pause } from '#runtime/retry.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import type { WriterHealth } from './telemetry-writer.ts';

const ASK_EVERY_MS = 5_000;
/** Longer than a write may wait for its answer (15 s): while one write follows another, they are the proof. */
const WRITE_PROVES_MS = 20_000;

/** What writes have shown; `undefined` where nothing was written yet. */
export type WritesSeen = Pick<WriterHealth, 'storeTrouble' | 'storeTookAtMs'>;

/** The answer to the newest question that has one. */
export interface Asked {
  /** When the question began, on the clock of `performance.now()`. */
  readonly atMs: number;
  /** In the store's words; `undefined` = it would take a write. */
  readonly trouble: string | undefined;
}

/** Whether a write succeeded so lately that to ask is needless, and an answer could only be wrong. */
function writesProve({ storeTookAtMs }: WritesSeen, nowMs: number): boolean {
  return storeTookAtMs !== undefined && nowMs - storeTookAtMs < WRITE_PROVES_MS;
}

/**
 * Why the store takes nothing, by all that is known; `undefined` = it takes what comes. Writes are believed before questions:
 * a question may be throttled or slow where writes succeed, and a full bucket takes a write of nothing. An answer counts
 * only if no write succeeded after its question, and before there is any answer the store is not said to be well.
 */
export function troubleKnown(
  writes: WritesSeen,
  asked: Asked | undefined,
  nowMs: number,
): string | undefined {
  const { storeTrouble, storeTookAtMs } = writes;
  if (storeTrouble !== undefined) return storeTrouble;
  if (writesProve(writes, nowMs)) return undefined;
  const isNewest = asked !== undefined && asked.atMs > (storeTookAtMs ?? Number.NEGATIVE_INFINITY);
  if (isNewest) return asked.trouble;
  return storeTookAtMs === undefined ? 'the store has not answered yet' : undefined;
}

export interface StoreHealthOptions {
  /** Default 5 s. */
  readonly askEveryMs?: number;
  /** Default `performance.now()`. */
  readonly monotonicMs?: () => number;
}

/**
 * Knows for `/readyz` whether the store takes writes, and asks it in the background: anybody may ask `/readyz`, as often as he
 * likes, so that costs the store nothing and waits for nothing.
 *
 * Modes: *asking* (from the start; one question at a time, which the store itself bounds) ⇄ *resting* for five seconds,
 * and on while writes succeed → *stopped*, when it is disposed of. A question that is under way then ends with the store.
 *
 * The trade-off: what is told is up to five seconds and one question old.
 */
export class StoreHealth implements Disposable {
  readonly #store: Pick<TelemetryStore, 'trouble'>;
  readonly #writes: () => WritesSeen | undefined;
  readonly #askEveryMs: number;
  readonly #monotonicMs: () => number;
  readonly #stopped = new AbortController();
  #asked: Asked | undefined;

  /** @param writes what the writer has seen, once there is one */
  constructor(
    store: Pick<TelemetryStore, 'trouble'>,
    writes: () => WritesSeen | undefined,
    options: StoreHealthOptions = {},
  ) {
    const { askEveryMs = ASK_EVERY_MS, monotonicMs = () => performance.now() } = options;
    this.#store = store;
    this.#writes = writes;
    this.#askEveryMs = askEveryMs;
    this.#monotonicMs = monotonicMs;
    void this.#askUntilStopped();
  }

  /** Why the store takes nothing, for people; `undefined` = it does. */
  trouble(): string | undefined {
    return troubleKnown(this.#seen(), this.#asked, this.#monotonicMs());
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
  }

  async #askUntilStopped(): Promise<void> {
    const { signal } = this.#stopped;
    do {
      const atMs = this.#monotonicMs();
      if (writesProve(this.#seen(), atMs)) continue;
      this.#asked = { atMs, trouble: await this.#store.trouble().catch(describeError) };
    } while (await pause(this.#askEveryMs, signal));
  }

  #seen(): WritesSeen {
    return this.#writes() ?? { storeTrouble: undefined, storeTookAtMs: undefined };
  }
}
