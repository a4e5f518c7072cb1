/**
 * Connections that have not said yet what they came for, the oldest first; and which of them are *quiet*: nothing came from
 * them between two looks. That a connection is silent says little when thousands arrive in one moment: what it said may lie
 * in the kernel, unread, because we are at work on the others. So nobody is taken for quiet before all that had come was read.
 */
export class SilentOnes<Connection extends object> {
  readonly #bytesFrom: (connection: Connection) => number;
  /** With the bytes that had come from each at the last look; -1 = it came after that. */
  readonly #silent = new Map<Connection, number>();

  /** @param bytesFrom how many were read from it so far. */
  constructor(bytesFrom: (connection: Connection) => number) {
    this.#bytesFrom = bytesFrom;
  }

  get size(): number {
    return this.#silent.size;
  }

  get oldest(): Connection | undefined {
    for (const connection of this) return connection;
    return undefined;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#silent.keys();
  }

  add(connection: Connection): void {
    this.#silent.set(connection, -1);
  }

  /** It said what it came for, or is gone. @returns whether it was silent */
  delete(connection: Connection): boolean {
    return this.#silent.delete(connection);
  }

  /** Between two looks all that has come must have been read. @returns those that were quiet since the last one */
  look(): Connection[] {
    const quiet: Connection[] = [];
    for (const [connection, before] of this.#silent) {
      const bytes = this.#bytesFrom(connection);
      if (bytes === before) quiet.push(connection);
      this.#silent.set(connection, bytes);
    }
    return quiet;
  }
}
