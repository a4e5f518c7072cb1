import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { trimMalloc } from './malloc-trim.ts';

const MIB = 1024 * 1024;
const LOOK_MS = 5_000;
/** So many looks in a row must find a thread with little to do. */
const QUIET_LOOKS = 2;
/** The share of its time that a thread with little to do works. */
const QUIET_UTILIZATION = 0.3;
/** What is kept is worth a pause when it has grown by so much since the last one. */
const WORTH_BYTES = 8 * MIB;
const WORTH_FACTOR = 1.25;
/** Of its time worked: a burst, after which a thread that is quiet again has something to give back. */
const BURST_UTILIZATION = 0.5;
/** Grown by so much, it was one of few and large things. */
const BURST_BYTES = 64 * MIB;
/** Looks after which it collects again without a burst: ten minutes. */
const LOOKS_APART = 120;
/** Looks after which it tries again when much was kept: half a minute, and every time twice as long. */
const LOOKS_UNTIL_RETRY = 6;

/**
 * Decides when a thread collects its garbage to give memory back. V8 does so under pressure, which a machine with free
 * memory never makes: after a burst, and after the start, a process kept what it once needed for as long as it ran.
 *
 * It is *busy* until it has been quiet for some looks, then *quiet*, and then collects when more than what remained after
 * the last collection is held: once after each burst, and not again while nothing happens. A heap that grows again under a
 * light and steady load holds what V8 will collect by itself, in small steps; a pause for it (30 to 150 ms, in which devices
 * wait) comes every ten minutes at most.
 *
 * A burst may only seem to be over: a store that stands still makes a writer quiet with all that it read in its hands. So
 * while far more is held than it once got along with, it collects again, later and later: ten thousand devices that stay
 * connected are no garbage, and make ever fewer pauses.
 */
export class HeapRest {
  #quietLooks = 0;
  #remainedBytes = 0;
  #leastBytes = Number.POSITIVE_INFINITY;
  /** Since the last collection. */
  #looks = 0;
  #looksUntilRetry = LOOKS_UNTIL_RETRY;
  #burst = true;

  /**
   * @param utilization share of the time since the last look in which the thread worked, 0 to 1.
   * @param heldBytes what its heap holds of the machine's memory.
   */
  isDue(utilization: number, heldBytes: number): boolean {
    // What fell by itself may grow again: one large burst is no measure for ever.
    this.#remainedBytes = Math.min(this.#remainedBytes, heldBytes);
    this.#leastBytes = Math.min(this.#leastBytes, heldBytes);
    this.#looks++;
    this.#burst ||= utilization >= BURST_UTILIZATION || heldBytes - this.#remainedBytes >= BURST_BYTES;
    this.#quietLooks = utilization < QUIET_UTILIZATION ? this.#quietLooks + 1 : 0;
    if (this.#quietLooks < QUIET_LOOKS) return false;
    const isMuch = heldBytes - this.#leastBytes >= BURST_BYTES;
    if (isMuch && this.#looks >= this.#looksUntilRetry) return true;
    if (!this.#burst && this.#looks < LOOKS_APART) return false;
    const worthBytes = Math.max(this.#remainedBytes + WORTH_BYTES, this.#remainedBytes * WORTH_FACTOR);
    return heldBytes > worthBytes;
  }

  collected(heldBytes: number): void {
    this.#looksUntilRetry = this.#burst ? LOOKS_UNTIL_RETRY : 2 * this.#looksUntilRetry;
    this.#quietLooks = 0;
    this.#looks = 0;
    this.#burst = false;
    this.#remainedBytes = heldBytes;
    this.#leastBytes = Math.min(this.#leastBytes, heldBytes);
  }
}

/** V8's, where the process was started with `--expose-gc` (`runtime/memory-flags.mjs`). */
type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Lets the thread that calls it give memory back when it is quiet; each thread has a heap of its own. Does nothing in a
 * process that was started by hand without the flags. Keeps no process alive.
 */
export function giveMemoryBack(): void {
  const collect = (globalThis as { readonly gc?: Collect }).gc;
  if (collect === undefined) return;
  atRest(new HeapRest(), heapBytes, () => {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    trimMalloc();
  });
  // What the heap gave up while the thread was busy is not seen in it any more, but malloc may hold it still.
  if (isMainThread) atRest(new HeapRest(), residentBytes, trimMalloc);
}

function atRest(rest: HeapRest, heldBytes: () => number, giveBack: () => void): void {
  let seen = performance.eventLoopUtilization();
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, seen);
    seen = now;
    if (!rest.isDue(utilization, heldBytes())) return;
    giveBack();
    rest.collected(heldBytes());
  }, LOOK_MS).unref();
}

function heapBytes(): number {
  const { total_physical_size, external_memory } = getHeapStatistics();
  return total_physical_size + external_memory;
}

/** Of the process; 0 where the system does not tell it as Linux does. */
function residentBytes(): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
