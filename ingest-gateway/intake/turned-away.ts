import type { RefusalReason, TurnedAway } from '#ingest-gateway/refusal-reason.ts';
import { forgetOldest } from '#runtime/forget-oldest.ts';
import { beginningOf } from '#runtime/own-text.ts';

/** Characters kept of a reason's detail: the client may have chosen them. */
const DETAIL_CHARACTERS = 200;

/** How often somebody was turned away, as `/api/devices` shows it. */
export interface TurnedAwayStatus {
  /** Connections refused or ended by the gateway, by reason. */
  readonly refusals: Readonly<Partial<Record<RefusalReason, number>>>;
  readonly lastRefusal: LastRefusal | null;
}

export interface LastRefusal {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: RefusalReason;
  readonly address: string;
  /** What the client called itself. */
  readonly device: string | null;
  readonly detail: string | null;
}

export const NEVER_TURNED_AWAY: TurnedAwayStatus = { refusals: {}, lastRefusal: null };

/** The refusals of one device, or of one address. */
export class TurnedAwayCounts {
  readonly #byReason = new Map<RefusalReason, number>();
  #last: LastRefusal | null = null;
  #total = 0;

  /** For whatever reason. */
  get total(): number {
    return this.#total;
  }

  count({ reason, address, deviceId, detail }: TurnedAway, at: number): void {
    this.#total++;
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + 1);
    this.#last = {
      at,
      reason,
      address,
      device: deviceId ?? null,
      detail: detail === undefined ? null : beginningOf(detail, DETAIL_CHARACTERS),
    };
  }

  status(): TurnedAwayStatus {
    return { refusals: Object.fromEntries(this.#byReason), lastRefusal: this.#last };
  }
}

/** The refusals of many who have nothing else here; those not refused for the longest time are forgotten first. */
export class TurnedAwayBook {
  readonly #capacity: number;
  /** The latest last. */
  readonly #counts = new Map<string, TurnedAwayCounts>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  count(key: string, turnedAway: TurnedAway, at: number): void {
    const counts = this.#counts.get(key) ?? new TurnedAwayCounts();
    counts.count(turnedAway, at);
    this.#counts.delete(key);
    this.#counts.set(key, counts);
    forgetOldest(this.#counts, this.#capacity);
  }

  /** Takes out what is known of one. */
  take(key: string): TurnedAwayCounts | undefined {
    const counts = this.#counts.get(key);
    this.#counts.delete(key);
    return counts;
  }

  get(key: string): TurnedAwayCounts | undefined {
    return this.#counts.get(key);
  }

  /** The latest first. */
  list(): [key: string, status: TurnedAwayStatus][] {
    return [...this.#counts].reverse().map(([key, counts]) => [key, counts.status()]);
  }
}
