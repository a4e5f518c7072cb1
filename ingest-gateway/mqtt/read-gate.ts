import type { Duplex } from 'node:stream';
import type { InflightBudget, Waiter } from '#ingest-gateway/intake/inflight-budget.ts';
import type { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import type { AedesInternals } from './aedes-internals.ts';
import { PacketBoundaries, SLICE_BYTES } from './packet-boundaries.ts';
import { isScattered, stopWhenScattered, unreadMemoryOf } from './scattered-input.ts';
import type { Turns } from './turns.ts';
import { UnreadRest } from './unread-rest.ts';

/** Before CONNECT, packets must be smaller than 4 KiB. */
const FIRST_SLICE_BYTES = 4 * 1024;
/** Of packets so small, or of so many connections, that a slice is cut each time. */
const LEAST_SLICE_BYTES = 256;
/** Who stopped with so little, a few messages, does not wait in line for it. */
const LITTLE_BYTES = 1024;

/** What a connection may use before it stops reading. */
export interface ReadAllowance {
  /** The device's own, and the gateway's. */
  readonly budgets: readonly InflightBudget[];
  readonly bucket: TokenBucket;
}

export interface ReadGateEvents {
  /** The connection stopped reading because of its allowance, or reads again. */
  readonly paused: (paused: boolean) => void;
  /** So many bytes were read from its socket and not handed on. */
  readonly unread: (bytes: number) => void;
  /** Those of them that the stream does not have yet. */
  readonly before?: (() => number) | undefined;
}

/**
 * Back-pressure for one connection: a gate on the `read` of its stream, through which aedes gets all its input. While
 * it is closed nothing is read, the kernel's buffers fill and TCP stops the sender. Nothing weaker holds: aedes starts
 * reading again with every `readable` event, whatever its hooks still owe; its `pause()` can stall a client for ever.
 *
 * Modes:
 * - *greeting* (from the start): reads, until a CONNECT was parsed.
 * - *held* (`hold`, from the parsed CONNECT on; again, for good, at shutdown): reads nothing.
 * - *open* (`open`, when the CONNECT is accepted and the packets that came with it were handled; reading before would
 *   let later packets overtake those): reads while no budget is full, the bucket has tokens, and the client takes its
 *   answers (`writableNeedDrain`). Otherwise the gate is *paused* and asks to be resumed by whatever stopped it.
 * - *discarding* (`discardInput`): off; input is thrown away while the last acknowledgements leave.
 *
 * Each turn of the event loop hands out one slice at most, of no more packets than this connection may have of the turn: a QoS 0
 * publish completes while its slice is still being parsed, and then aedes would read again from within its own parser. When more
 * is there than the slice, the next one comes without new input, in its place in line (`Turns`); so it does when the gate was
 * paused, and more than a little is there. Where slices are cut because of their packets, shorter ones are read: what goes back to the stream is copied.
 *
 * The price is one `setImmediate` and one synthetic `readable` event for each slice.
 */
export class ReadGate implements Waiter {
  readonly #stream: Duplex;
  readonly #read: (size?: number) => Buffer | null;
  readonly #events: ReadGateEvents;
  #aedes: AedesInternals | undefined;
  #allowance: ReadAllowance | undefined;
  #held = false;
  /** For the next turn, after a slice, or for its place in line. */
  #waits = false;
  /** It is its place. */
  #isInLine = false;
  /** Somebody wanted to read meanwhile. */
  #starved = false;
  #paused = false;
  #unread = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #boundaries = new PacketBoundaries();
  readonly #turns: Turns;
  #sliceBytes = SLICE_BYTES;
  #awaitsDrain = false;

  constructor(stream: Duplex, turns: Turns, events: ReadGateEvents) {
    this.#stream = stream;
    this.#turns = turns;
    this.#events = events;
    this.#read = stream.read;
    stream.read = (size) => this.#gatedRead(size);
    stopWhenScattered(stream, () => this.#tellUnread());
    // Before aedes adds its own listener: it reads only when its count of outstanding packets is down to 1.
    stream.on('readable', () => {
      if (this.#aedes !== undefined && this.#aedes._parsingBatch > 1) this.#aedes._parsingBatch = 1;
    });
  }

  attach(aedes: AedesInternals): void {
    this.#aedes = aedes;
  }

  hold(): void {
    this.#held = true;
    this.#setPaused(false);
  }

  open(allowance: ReadAllowance): void {
    this.#allowance = allowance;
    this.#held = false;
    setImmediate(() => this.#look());
  }

  resume(): void {
    if (this.#waits) this.#starved = true;
    else if (this.#stream.readableLength <= LITTLE_BYTES) this.#look();
    else {
      this.#waits = true;
      this.#turns.wait(this.#onPlace);
    }
  }

  /** The allowance is another one: what was to be waited for is not any more. */
  allowanceChanged(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.resume();
  }

  discardInput(): void {
    this.#stopWaiting();
    this.#tellUnread(0);
    this.#stream.read = this.#read;
    this.#stream.removeAllListeners('readable');
    this.#stream.resume();
  }

  /** What was received and not handed on; `undefined` = nothing. For when the stream is closed: the gate is not asked any more. */
  rest(): UnreadRest | undefined {
    this.#held = true;
    if (this.#stream.readableLength > 0) {
      const readAll = (): Buffer | null => this.#read.call(this.#stream);
      return new UnreadRest(this.#boundaries, readAll, (bytes) => this.#tellUnread(bytes));
    }
    this.#tellUnread(0);
    return undefined;
  }

  /** What the client sends is not looked at for now: it is paused, or waits for its place in line. */
  get isBehind(): boolean {
    return this.#paused || this.#waits;
  }

  /** The connection is gone. */
  dispose(): void {
    this.#held = true;
    this.#stopWaiting();
  }

  #gatedRead(size: number | undefined): Buffer | null {
    // The stream asks itself for more with 0: it gives nothing away.
    if (size === 0) return isScattered(this.#stream) ? null : this.#read.call(this.#stream, 0);
    if (this.#waits) {
      this.#starved = true;
      return null;
    }
    if (!this.#mayRead()) {
      this.#tellUnread();
      return null;
    }
    const available = this.#stream.readableLength;
    // Empty: reading is what makes the stream fetch more, or end.
    if (available === 0) return this.#read.call(this.#stream);
    this.#waits = true;
    const most = this.#allowance === undefined ? FIRST_SLICE_BYTES : this.#sliceBytes;
    const slice = this.#read.call(this.#stream, Math.min(available, most));
    const cut = slice && this.#fewPackets(slice);
    this.#tellUnread();
    // Before CONNECT it is 4 KiB in all: what came behind it is looked at when the gate is opened.
    if (this.#stream.readableLength > 0 && this.#allowance !== undefined) this.#turns.wait(this.#onPlace);
    else setImmediate(this.#onTurn);
    return cut;
  }

  /** As much of a slice as the packets in it may be worked on in one turn; the rest goes back. */
  #fewPackets(slice: Buffer): Buffer {
    const packets = this.#isInLine ? this.#turns.packetsInLine : this.#turns.packetsOfNew();
    const end = this.#boundaries.take(slice, packets);
    const isWhole = end === slice.length;
    this.#sliceBytes = Math.min(
      SLICE_BYTES,
      isWhole ? 2 * this.#sliceBytes : Math.max(LEAST_SLICE_BYTES, 2 * end),
    );
    if (isWhole) return slice;
    this.#stream.unshift(slice.subarray(end));
    return slice.subarray(0, end);
  }

  readonly #onPlace = (): void => {
    this.#isInLine = true;
    this.#onTurn();
    this.#isInLine = false;
  };

  readonly #onTurn = (): void => {
    this.#waits = false;
    const more = this.#starved || this.#stream.readableLength > 0;
    this.#starved = false;
    // Having read exactly what was there, the stream does not notice that nothing more will come.
    if (this.#stream.readableLength === 0) this.#read.call(this.#stream, 0);
    if (more) this.#look();
  };

  #tellUnread(bytes = unreadMemoryOf(this.#stream) + (this.#events.before?.() ?? 0)): void {
    if (bytes === this.#unread) return;
    this.#unread = bytes;
    this.#events.unread(bytes);
  }

  #look(): void {
    if (!this.#stream.destroyed) this.#stream.emit('readable');
  }

  #mayRead(): boolean {
    if (this.#held) return false;
    const may = this.#allowance === undefined || this.#isAllowed(this.#allowance);
    this.#setPaused(!may);
    return may;
  }

  #isAllowed({ budgets, bucket }: ReadAllowance): boolean {
    if (this.#stream.writableNeedDrain) {
      this.#resumeOnDrain();
      return false;
    }
    for (const budget of budgets) {
      if (!budget.full) continue;
      budget.wait(this);
      return false;
    }
    const waitMs = bucket.waitMs(performance.now());
    if (waitMs === 0) return true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.resume();
    }, waitMs);
    return false;
  }

  #resumeOnDrain(): void {
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.#stream.once('drain', () => {
      this.#awaitsDrain = false;
      this.resume();
    });
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#events.paused(paused);
    // What the stream has asked for already may still come: it is to say so.
    if (paused) this.#read.call(this.#stream, 0);
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    for (const budget of this.#allowance?.budgets ?? []) budget.forget(this);
    this.#setPaused(false);
  }
}
