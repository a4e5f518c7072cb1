const SILENT_AFTER_KEEPALIVES = 1.5;

export interface KeepaliveEvents {
  /** For how long nothing came, milliseconds. */
  readonly silentMs: () => number;
  readonly ping: () => void;
  /** The other side is not there any more. */
  readonly silent: (forMs: number) => void;
}

/** Asks the other side of a connection whether it is still there, and says so when it is not. */
export class Keepalive {
  readonly #events: KeepaliveEvents;
  #seconds: number;
  #timer: NodeJS.Timeout;

  constructor(seconds: number, events: KeepaliveEvents) {
    this.#events = events;
    this.#seconds = seconds;
    this.#timer = this.#start();
  }

  /** The other side ends a connection on which it hears nothing for so long [MQTT-3.1.2-21]; 0 = it never does. */
  atMost(seconds: number): void {
    if (seconds === 0 || seconds >= this.#seconds) return;
    this.#seconds = seconds;
    this.stop();
    this.#timer = this.#start();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.#look(), (this.#seconds * 1000) / 2);
  }

  #look(): void {
    const silentMs = this.#events.silentMs();
    if (silentMs <= SILENT_AFTER_KEEPALIVES * 1000 * this.#seconds) this.#events.ping();
    else this.#events.silent(silentMs);
  }
}
