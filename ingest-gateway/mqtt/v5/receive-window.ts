/**
 * How many messages a client has in flight, against the Receive Maximum that it was told (MQTT 5, 4.9): QoS 1 from
 * PUBLISH to PUBACK; QoS 2 from PUBLISH to PUBCOMP, or to a PUBREC that refuses it.
 *
 * The packet identifiers that had their PUBREC and not their PUBREL belong to the session and outlive the connection
 * (4.1): a client that comes back sends PUBREL for them. Those of earlier connections take no room in the window, because
 * a client starts each connection with the whole of it.
 */
export class ReceiveWindow {
  readonly #maximum: number;
  readonly #unreleased = new Set<number>();
  readonly #inherited: Set<number>;
  #inflight = 0;

  /** @param inherited identifiers that earlier connections of the session left without PUBREL */
  constructor(maximum: number, inherited: Iterable<number> = []) {
    this.#maximum = maximum;
    this.#inherited = new Set(inherited);
  }

  get inflight(): number {
    return this.#inflight;
  }

  /** A PUBLISH with QoS 1 or 2 came. @returns false when it is one too many */
  take(): boolean {
    return ++this.#inflight <= this.#maximum;
  }

  /** PUBACK, or a PUBREC that refuses, was sent. */
  acknowledged(): void {
    this.#inflight--;
  }

  /** PUBREC was sent. For an identifier that waits for its PUBREL already, the message was sent again. */
  received(messageId: number): void {
    this.#inherited.delete(messageId);
    if (this.#unreleased.has(messageId)) this.#inflight--;
    else this.#unreleased.add(messageId);
  }

  /** PUBREL came. @returns false when no PUBREL was expected for it */
  release(messageId: number): boolean {
    if (!this.#unreleased.delete(messageId)) return this.#inherited.delete(messageId);
    this.#inflight--;
    return true;
  }

  /** What the session keeps: at most as many as the window, the newest ones. */
  unreleased(): Uint16Array {
    return Uint16Array.from([...this.#inherited, ...this.#unreleased].slice(-this.#maximum));
  }
}
