import type { Point, RejectedPoint, TelemetryStore, WriteOutcome } from '#telemetry-store/telemetry-store.ts';
import type { WriteLimits } from './chunks.ts';

/** Writes on their way at once: enough that the store always has one to work on while another is made. */
const WRITES_AT_ONCE = 4;
/** A write that takes longer is slow: a server that does not answer, or points looked for one by one. Milliseconds. */
export const SLOW_MS = 1_000;

/** What became of the points of one caller. */
export type SharedOutcome = WriteOutcome & {
  /** All of them are refused, but the store took others in the same write: it does not refuse everything. */
  readonly storedOthers?: true;
};

interface SharedWritesOptions {
  readonly store: Pick<TelemetryStore, 'write'>;
  /** Of one write; what a caller brings alone may exceed them. */
  readonly limits: WriteLimits;
  /** Once per write of the store, whatever its outcome. */
  readonly onWrite: (points: number, seconds: number) => void;
}

/** Points of one caller, who waits for what becomes of them. */
interface Share {
  readonly points: readonly Point[];
  readonly bytes: number;
  readonly lost: AbortSignal;
  resolve(outcome: SharedOutcome): void;
  reject(error: unknown): void;
}

/** What is looked at in order to decide how many of those that wait go next. */
interface Waiting {
  readonly shares: readonly { readonly points: { readonly length: number }; readonly bytes: number }[];
  readonly inFlight: number;
  /** How many of those are slow. */
  readonly slow?: number;
}

/**
 * How many of those that wait, from the first on, go to the store as one write now; 0 = they wait for the end of a write.
 *
 * A write costs the store and us about as much as a hundred points do, so small ones wait until none is under way, and
 * then go together: when there is little to do, all partitions make one write. What fills a write goes at once, beside
 * up to three others; and nobody waits for a slow one, which may be the trouble of one partition alone (P5). Pure.
 */
export function sharesToWrite({ shares, inFlight, slow = 0 }: Waiting, limits: WriteLimits): number {
  let points = 0;
  let bytes = 0;
  let count = 0;
  for (const share of shares) {
    points += share.points.length;
    bytes += share.bytes;
    const isTooMuch = points > limits.pointsPerWrite || bytes > limits.bytesPerWrite;
    if (isTooMuch && count > 0) return inFlight < WRITES_AT_ONCE ? count : 0;
    count++;
  }
  const isFull = 2 * points > limits.pointsPerWrite || 2 * bytes > limits.bytesPerWrite;
  return inFlight < WRITES_AT_ONCE && (isFull || inFlight === slow) ? count : 0;
}

const ABORTED: WriteOutcome = { kind: 'retry', cause: 'aborted', detail: 'the write was abandoned' };

/**
 * Brings what several partitions have for the store there in common writes, and gives each its part of the outcome: what
 * is wrong with the points of one partition is told to that one alone, and a store that takes nothing now is told to all.
 *
 * Of a caller: *waiting* (until `sharesToWrite` takes it, looked at when the turn in which it came is over, and when a write
 * ends or is slow) → *in flight* → answered. When its partition is lost it is answered at once, in both; the write is abandoned only
 * when all of its callers are.
 */
export class SharedWrites {
  readonly #options: SharedWritesOptions;
  #waiting: Share[] = [];
  #inFlight = 0;
  #slow = 0;
  #scheduled = false;

  constructor(options: SharedWritesOptions) {
    this.#options = options;
  }

  /** As `TelemetryStore.write`. @param bytes about what the points take on their way */
  write(points: readonly Point[], bytes: number, lost: AbortSignal): Promise<SharedOutcome> {
    if (lost.aborted) return Promise.resolve(ABORTED);
    const { promise, resolve, reject } = Promise.withResolvers<SharedOutcome>();
    const share: Share = { points, bytes, lost, resolve, reject };
    const onLost = (): void => {
      this.#waiting = this.#waiting.filter((each) => each !== share);
      resolve(ABORTED);
    };
    lost.addEventListener('abort', onLost, { once: true });
    this.#waiting.push(share);
    this.#schedule();
    return promise.finally(() => lost.removeEventListener('abort', onLost));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    for (;;) {
      const state = { shares: this.#waiting, inFlight: this.#inFlight, slow: this.#slow };
      const count = state.shares.length === 0 ? 0 : sharesToWrite(state, this.#options.limits);
      if (count === 0) return;
      void this.#write(this.#waiting.splice(0, count));
    }
  }

  async #write(shares: readonly Share[]): Promise<void> {
    const { store, onWrite } = this.#options;
    const points =
      shares.length === 1 ? (shares[0] as Share).points : shares.flatMap((share) => share.points);
    this.#inFlight++;
    const startedAt = performance.now();
    const allLost = new AllLost(shares.map(({ lost }) => lost));
    let isSlow = false;
    const patience = setTimeout(() => {
      isSlow = true;
      this.#slow++;
      this.#start();
    }, SLOW_MS);
    try {
      const outcome = await store.write(points, allLost.signal);
      onWrite(points.length, (performance.now() - startedAt) / 1000);
      answer(shares, outcome);
    } catch (error) {
      // A store does not throw. If it does, it is for somebody's points: each alone finds out whose (P5).
      if (shares.length === 1) shares[0]?.reject(error);
      else for (const share of shares) if (!share.lost.aborted) await this.#write([share]);
    } finally {
      clearTimeout(patience);
      if (isSlow) this.#slow--;
      allLost.forget();
      this.#inFlight--;
      this.#start();
    }
  }
}

/** Gives each caller what became of its own points. */
function answer(shares: readonly Share[], outcome: WriteOutcome): void {
  if (outcome.kind !== 'written' || outcome.rejected.length === 0) {
    for (const share of shares) share.resolve(outcome);
    return;
  }
  const stored = shares.reduce((sum, share) => sum + share.points.length, 0) - outcome.rejected.length;
  let first = 0;
  for (const share of shares) {
    // The last one also gets what is none of anybody's points: it knows what to think of that.
    const end = share === shares.at(-1) ? Infinity : first + share.points.length;
    const rejected: RejectedPoint[] = [];
    for (const { index, reason } of outcome.rejected) {
      if (index >= first && index < end) rejected.push({ index: index - first, reason });
    }
    const storedOthers = stored > 0 && rejected.length >= share.points.length;
    share.resolve({ kind: 'written', rejected, ...(storedOthers && { storedOthers }) });
    first = end;
  }
}

/** Fires when every one of some signals has fired. */
class AllLost {
  readonly #controller = new AbortController();
  readonly #signals: readonly AbortSignal[];

  constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
    for (const signal of signals) signal.addEventListener('abort', this.#look);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Signals outlive many writes. */
  forget(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#look);
  }

  readonly #look = (): void => {
    if (this.#signals.every(({ aborted }) => aborted)) this.#controller.abort();
  };
}
