/** A partition, as far as evidence goes. */
interface Standing {
  /** The last thing that was seen is a success. */
  proven: boolean;
  /** Why not. */
  detail: string;
  /** How often something failed that was proven, since the last append that was confirmed. */
  relapses: number;
  /** No probe is believed before, on the clock of `performance.now()`. */
  notBefore: number;
}

/** Milliseconds from an append that failed to the first probe that is believed, doubled by each relapse. */
const FIRST_DOUBT_MS = 1_000;
const MOST_DOUBT_MS = 60_000;
const UNTRIED = 'not tried yet';
/** Partitions have mostly the same trouble. */
const MOST_DETAILS = 3;

/**
 * Whether a topic can be written, by evidence alone: that nothing is on its way, or that a broker answers questions,
 * proves nothing. A partition is
 *
 * - *unproven* from when it becomes known, and again after no broker answered at all ({@link doubt});
 * - *proven* by an append that was confirmed, or a probe that succeeded;
 * - *failing* from a failed append or probe until the next success.
 *
 * The topic is up when one partition at least is proven, and so not before it is known. While none is, they want probes; and each failure after a success
 * that was only a probe's makes the next probe wait longer, so that what probes do not see (a follower that is frozen)
 * makes nobody believe in them every second.
 *
 * A topic that may not be written at all counts from the first append on: until then this process may be its reader.
 */
export class TopicHealth {
  readonly #standings: Standing[] = [];
  /** Something was to be appended. */
  isWritten = false;
  /** What is wrong with the topic as a whole, as metadata tell it. */
  trouble: string | undefined;
  #isForbidden = false;

  /** The topic has this many partitions: fewer than before when it was deleted, and made anew. */
  know(partitions: number): void {
    this.#standings.length = Math.min(this.#standings.length, partitions);
    while (this.#standings.length < partitions) {
      this.#standings.push({ proven: false, detail: UNTRIED, relapses: 0, notBefore: -Infinity });
    }
  }

  /** @returns whether that is news */
  appended(partition: number): boolean {
    const standing = this.#standings[partition];
    if (standing === undefined) return false;
    const isNews = !standing.proven;
    standing.proven = true;
    standing.relapses = 0;
    return isNews;
  }

  failed(partition: number, detail: string, now: number): void {
    const standing = this.#standings[partition];
    if (standing === undefined) return;
    if (standing.proven) {
      standing.notBefore =
        now + Math.min(MOST_DOUBT_MS, FIRST_DOUBT_MS * 2 ** Math.min(standing.relapses, 10));
      standing.relapses++;
    }
    standing.proven = false;
    standing.detail = detail;
  }

  /** A failure of one partition that holds for all of them: this client may not write the topic. */
  failedAltogether(detail: string, now: number): void {
    for (const partition of this.#standings.keys()) this.failed(partition, detail, now);
  }

  /** Why this partition cannot be written, as far as evidence goes. */
  troubleOf(partition: number): string | undefined {
    const standing = this.#standings[partition];
    return standing === undefined || standing.proven || standing.detail === UNTRIED
      ? undefined
      : standing.detail;
  }

  /** @param failure undefined: the leader would have taken a record */
  probed(partition: number, failure: string | undefined): void {
    const standing = this.#standings[partition];
    if (standing === undefined) return;
    this.#isForbidden = false;
    standing.proven = failure === undefined;
    if (failure !== undefined) standing.detail = failure;
  }

  /** A probe was told that this client may not write here. */
  forbidden(partition: number, failure: string): void {
    this.probed(partition, failure);
    this.#isForbidden = true;
  }

  /** No broker answers: what was proven is not any more. */
  doubt(): void {
    for (const standing of this.#standings) {
      if (standing.proven) standing.detail = 'not tried since Kafka was away';
      standing.proven = false;
    }
  }

  /** Partitions to probe: all, while none is proven. */
  wanting(now: number): number[] {
    if (this.#isUp || !this.#counts) return [];
    return this.#standings.flatMap(({ notBefore }, partition) => (notBefore <= now ? [partition] : []));
  }

  /** Why the topic cannot be written, for people. */
  get problem(): string | undefined {
    if (this.trouble !== undefined) return this.isWritten ? this.trouble : undefined;
    if (this.#isUp || !this.#counts) return undefined;
    const details = [...new Set(this.#standings.map(({ detail }) => detail))];
    if (details.length === 0) details.push(UNTRIED);
    return `no partition can be written: ${details.slice(0, MOST_DETAILS).join('; ')}`;
  }

  /** Nothing has failed yet: it is not up, but that is no news either. */
  get isUntried(): boolean {
    return this.trouble === undefined && this.#standings.every(({ detail }) => detail === UNTRIED);
  }

  get #isUp(): boolean {
    return this.#standings.some(({ proven }) => proven);
  }

  get #counts(): boolean {
    return this.isWritten || !this.#isForbidden;
  }
}
