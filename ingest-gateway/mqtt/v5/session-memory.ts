/** What is remembered of a session without a connection. */
interface Session {
  /** On the clock of the caller, milliseconds. */
  readonly endsAt: number;
  /** Packet identifiers of QoS 2 messages that had their PUBREC and not their PUBREL. */
  readonly unreleased: Uint16Array;
}

export interface SessionMemoryOptions {
  /** The longest time a session is remembered without a connection, seconds. */
  readonly maxExpirySeconds: number;
  /** Above it the one that has been away for longest is forgotten. */
  readonly sessions: number;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
}

/**
 * That a device has a session, from the end of its connection until it comes back or the session expires. There is
 * nothing in a session of an ingest-only endpoint but identifiers of half-finished QoS 2 exchanges; but clients look at
 * Session Present, and some (gmqtt, paho.golang) forget every message that waits for its acknowledgement when it is 0.
 *
 * In memory: after a restart of the gateway, and at another gateway, Session Present is 0.
 */
export class SessionMemory {
  readonly #options: SessionMemoryOptions;
  /** By device, the one that has been away for longest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionMemoryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** What a client that asks for `seconds` gets. */
  expirySeconds(seconds: number): number {
    return Math.min(seconds, this.#options.maxExpirySeconds);
  }

  /** A connection ended. With an expiry of 0 seconds its session ends with it. */
  keep(deviceId: string, expirySeconds: number, unreleased: Uint16Array): void {
    this.#sessions.delete(deviceId);
    if (expirySeconds === 0) return;
    const { now, sessions } = this.#options;
    this.#sessions.set(deviceId, { endsAt: now() + this.expirySeconds(expirySeconds) * 1000, unreleased });
    if (this.#sessions.size <= sessions) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }

  /** The device came, and its client wants to know nothing of a session. */
  end(deviceId: string): void {
    this.#sessions.delete(deviceId);
  }

  /** The session goes over to a new connection. @returns what it holds; `undefined` = there is none. */
  take(deviceId: string): Uint16Array | undefined {
    const session = this.#sessions.get(deviceId);
    this.#sessions.delete(deviceId);
    return session !== undefined && session.endsAt > this.#options.now() ? session.unreleased : undefined;
  }
}
