/** A client that sent no packet for this multiple of its keepalive is let go [MQTT-3.1.2-24; MQTT 5: 3.1.2-22]. */
export const SILENCE_FACTOR = 1.5;

/**
 * Lets a client go that says nothing any more. What counts is a packet, and not a byte: one that never comes to its end
 * would hold its place for ever. But who waits for us is not silent: what it sent lies unread because it used up its
 * rate, or because others are before it.
 */
export class KeepaliveWatch {
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;

  /**
   * @param seconds its keepalive.
   * @param owed whether it is not read from for now.
   * @param silent called once
   */
  begin(seconds: number, owed: () => boolean, silent: () => void): void {
    this.#timer = setTimeout(
      () => {
        // After a process stood still, timers fire before the sockets are read: what it said meanwhile is read first.
        this.#look = setImmediate(() => {
          if (owed()) this.heard();
          else silent();
        });
      },
      seconds * SILENCE_FACTOR * 1000,
    );
  }

  /** A packet came. */
  heard(): void {
    clearImmediate(this.#look);
    this.#timer?.refresh();
  }

  end(): void {
    clearImmediate(this.#look);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
