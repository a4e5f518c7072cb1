import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';

/** One moment in the life of a device's connections. */
export interface ConnectionEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event: 'connect' | 'disconnect' | 'refused';
  /** Why the gateway refused or ended it; `null`: it went by itself, or its network. */
  readonly why: RefusalReason | null;
  readonly address: string;
}

/** Events kept of a device: a few kilobytes at most, and nothing of one that never came. */
const CAPACITY = 32;
const KEPT_MS = 60 * 60 * 1000;

/**
 * When a device came and went in the last hour, and why. Bounded and O(1) an event: the oldest is written over. That an
 * open connection is ended by the gateway is told twice, as a refusal and as an end: it stands here once.
 */
export class ConnectionHistory {
  readonly #events: ConnectionEvent[] = [];
  /** Where the next event goes, once all places are taken. */
  #oldest = 0;

  connected(at: number, address: string): void {
    this.#add({ at, event: 'connect', why: null, address });
  }

  refused(at: number, address: string, why: RefusalReason): void {
    this.#add({ at, event: 'refused', why, address });
  }

  disconnected(at: number, address: string, why: RefusalReason | undefined): void {
    const newest = (this.#oldest + this.#events.length - 1) % CAPACITY;
    const last = this.#events[newest];
    const event = { at, event: 'disconnect', why: why ?? null, address } as const;
    if (why !== undefined && last?.event === 'refused' && last.why === why && last.address === address)
      this.#events[newest] = event;
    else this.#add(event);
  }

  /** Of the last hour, the newest first. */
  list(now: number): readonly ConnectionEvent[] {
    const inOrder = [...this.#events.slice(this.#oldest), ...this.#events.slice(0, this.#oldest)];
    return inOrder.filter(({ at }) => now - at <= KEPT_MS).reverse();
  }

  #add(event: ConnectionEvent): void {
    if (this.#events.length < CAPACITY) this.#events.push(event);
    else {
      this.#events[this.#oldest] = event;
      this.#oldest = (this.#oldest + 1) % CAPACITY;
    }
  }
}
