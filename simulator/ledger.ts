import type { SentReading } from './device-script.ts';

/** Where a fleet notes what it sent and what was acknowledged; devices are numbered from 0. */
export interface LedgerWriter {
  /** Before anything else about the device. */
  device(device: number, id: string): void;
  /** Before the reading is published. `seq` starts at 0 and has no gaps. */
  sent(device: number, reading: SentReading): void;
  /** The message with the readings `first` to `last` was acknowledged. */
  acked(device: number, first: number, last: number): void;
}

const MALFORMED = 1;
const ACKED = 2;
const SETTLED = 4;
const DEAD_LETTERED = 8;
const CHANGED = 16;

/**
 * The books of a run in memory: columns instead of objects, 17 bytes a reading, so that millions of them are no
 * burden. Of each SHA-256 the first eight bytes are kept: plenty to notice a changed reading by.
 */
export class Ledger implements LedgerWriter {
  readonly #devices: DeviceBook[] = [];
  readonly #byId = new Map<string, DeviceBook>();

  get devices(): readonly DeviceBook[] {
    return this.#devices;
  }

  bookOf(deviceId: string): DeviceBook | undefined {
    return this.#byId.get(deviceId);
  }

  device(device: number, id: string): void {
    const book = new DeviceBook(id);
    this.#devices[device] = book;
    this.#byId.set(id, book);
  }

  sent(device: number, reading: SentReading): void {
    this.#book(device).add(reading);
  }

  acked(device: number, first: number, last: number): void {
    const book = this.#book(device);
    for (let seq = first; seq <= last; seq++) book.markAcked(seq);
  }

  #book(device: number): DeviceBook {
    const book = this.#devices[device];
    if (book === undefined) throw new RangeError(`device ${device} is not in the ledger`);
    return book;
  }
}

/**
 * What a look at store or dead letters says about an entry: it closed it, it is one too many, it was seen before, its
 * content is not what was sent, or it belongs to another run.
 */
export type Finding = 'closed' | 'duplicate' | 'known' | 'changed' | 'foreign';

/** What one device sent, by `seq`. */
export class DeviceBook {
  readonly id: string;
  #length = 0;
  #ts = new Float64Array(64);
  #digests = new BigUint64Array(64);
  #flags = new Uint8Array(64);
  readonly #malformedByDigest = new Map<bigint, number>();

  constructor(id: string) {
    this.id = id;
  }

  /** Readings sent; they are numbered from 0. */
  get length(): number {
    return this.#length;
  }

  add({ seq, ts, malformed, digest }: SentReading): void {
    if (seq !== this.#length) throw new RangeError(`${this.id}: expected seq ${this.#length}, found ${seq}`);
    if (seq === this.#ts.length) this.#grow();
    const short = shortDigest(digest);
    this.#ts[seq] = ts;
    this.#digests[seq] = short;
    this.#flags[seq] = malformed ? MALFORMED : 0;
    if (malformed) this.#malformedByDigest.set(short, seq);
    this.#length++;
  }

  /** @throws RangeError for a reading that was not sent. */
  markAcked(seq: number): void {
    if (seq < 0 || seq >= this.#length) throw new RangeError(`${this.id}: seq ${seq} was not sent`);
    this.#set(seq, ACKED);
  }

  /** A reading that the store holds. Those of other runs of the same device are told by their `ts`. */
  foundInStore(seq: number, ts: number, digest: Buffer): Finding {
    if (!this.#isOurs(seq, ts) || this.isMalformed(seq)) return 'foreign';
    if (this.#digests[seq] !== shortDigest(digest)) {
      this.#set(seq, CHANGED);
      return 'changed';
    }
    const finding = this.isSettled(seq) && !this.isDeadLettered(seq) ? 'known' : this.#settle(seq);
    // Stored and dead-lettered: counts as stored.
    this.#clear(seq, CHANGED | DEAD_LETTERED);
    return finding;
  }

  /** A letter with these bytes: the `seq` of the malformed reading it is, if it is one of ours. */
  malformedWith(digest: Buffer): number | undefined {
    return this.#malformedByDigest.get(shortDigest(digest));
  }

  /** Whether this reading, sound when it was sent, is in the books just so. */
  sentSound(seq: number, ts: number, digest: Buffer): boolean {
    return this.#isOurs(seq, ts) && !this.isMalformed(seq) && this.#digests[seq] === shortDigest(digest);
  }

  foundInDeadLetters(seq: number): Finding {
    const finding = this.#settle(seq);
    if (finding === 'closed') this.#set(seq, DEAD_LETTERED);
    return finding;
  }

  ts(seq: number): number {
    return this.#ts[seq] as number;
  }

  isMalformed(seq: number): boolean {
    return this.#has(seq, MALFORMED);
  }

  isAcked(seq: number): boolean {
    return this.#has(seq, ACKED);
  }

  /** Found where it belongs. */
  isSettled(seq: number): boolean {
    return this.#has(seq, SETTLED);
  }

  isDeadLettered(seq: number): boolean {
    return this.#has(seq, DEAD_LETTERED);
  }

  /** In the store with other values than were sent, and nowhere as it was sent. */
  isChanged(seq: number): boolean {
    return this.#has(seq, CHANGED) && !this.isSettled(seq);
  }

  #settle(seq: number): Finding {
    if (this.isSettled(seq)) return 'duplicate';
    this.#set(seq, SETTLED);
    return 'closed';
  }

  #isOurs(seq: number, ts: number): boolean {
    return seq < this.#length && this.#ts[seq] === ts;
  }

  #has(seq: number, flag: number): boolean {
    return ((this.#flags[seq] ?? 0) & flag) !== 0;
  }

  #set(seq: number, flags: number): void {
    this.#flags[seq] = (this.#flags[seq] ?? 0) | flags;
  }

  #clear(seq: number, flags: number): void {
    this.#flags[seq] = (this.#flags[seq] ?? 0) & ~flags;
  }

  #grow(): void {
    const capacity = Math.ceil(this.#ts.length * 1.5);
    const { ts, digests, flags } = { ts: this.#ts, digests: this.#digests, flags: this.#flags };
    this.#ts = new Float64Array(capacity);
    this.#digests = new BigUint64Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#ts.set(ts);
    this.#digests.set(digests);
    this.#flags.set(flags);
  }
}

function shortDigest(digest: Buffer): bigint {
  return digest.readBigUInt64LE(0);
}
