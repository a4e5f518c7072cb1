import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import { SilentOnes } from './silent-ones.ts';

/** Who comes to the door. */
export interface Arriving {
  /** Where it comes from, as `sourceOf` gives it. */
  readonly address: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number;
  /** All that was read from it so far, whatever lies above it. */
  readonly socket: { readonly bytesRead: number };
}

/** Who has to end, and why. */
export interface Leaving<Connection> {
  readonly connection: Connection;
  readonly reason: RefusalReason;
}

interface Address<Connection> {
  readonly bucket: TokenBucket;
  /** Connections without a CONNECT, the oldest first. */
  readonly silent: Set<Connection>;
  connections: number;
}

/** Addresses without a connection whose rate is remembered. */
const CAPACITY = 20_000;
/** All that comes before CONNECT, and CONNECT, may take so many times as long as each of them: we may be slow ourselves. */
const STEPS = 2;
/** Ending a connection costs something: so many at most leave in one turn. */
const LEAVE_AT_ONCE = 1_000;

/**
 * Which of the sockets that arrive may stay, so that no address takes the place of all others.
 *
 * A connection is *silent* until its CONNECT came. Silent ones give way: to any other when the gateway is full, to the next one
 * of their address when that has all its connections, and to nobody in particular when their address has too many of them
 * and nothing comes from them (`look`). So a storm of sockets that say nothing costs a device no more than saying CONNECT
 * promptly; it is the silent that lose, and a fleet whose CONNECTs all come in one moment is not silent. Connections of an
 * address, and how often it opens one, are bounded, too; and so is the time until CONNECT: a handshake, an upgrade and the
 * CONNECT may each take as long as one of them alone, but not one after the other.
 *
 * It decides only; who is told to leave has to end. Connections are told apart by identity.
 */
export class ArrivalLimits<Connection extends Arriving> {
  readonly #limits: GatewayLimits;
  readonly #now: () => number;
  readonly #addresses = new Map<string, Address<Connection>>();
  readonly #silent = new SilentOnes<Connection>(({ socket }) => socket.bytesRead);
  #connections = 0;

  /** @param now milliseconds on the clock of `performance.now()`. */
  constructor(limits: GatewayLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Connections whose CONNECT is awaited. */
  get silent(): number {
    return this.#silent.size;
  }

  /** Why the address may not open another connection now; it counts as an attempt either way. */
  refusal(address: string): RefusalReason | undefined {
    const { connections, reservedConnections, connectionsPerAddress } = this.#limits;
    const known = this.#address(address);
    if (known.bucket.waitMs(this.#now()) > 0) return 'connecting-too-fast';
    known.bucket.take(1);
    if (known.connections >= connectionsPerAddress && known.silent.size === 0) return 'too-many-from-address';
    if (this.#connections >= connections + reservedConnections && this.#silent.size === 0)
      return 'too-many-connections';
    return undefined;
  }

  /** The connection is there, and silent. @returns the one that has to give way */
  enter(connection: Connection): Leaving<Connection> | undefined {
    const { connections, reservedConnections, connectionsPerAddress } = this.#limits;
    const known = this.#address(connection.address);
    known.connections++;
    this.#connections++;
    const [oldestOfAddress] = known.silent;
    const oldest = this.#silent.oldest;
    known.silent.add(connection);
    this.#silent.add(connection);
    if (known.connections > connectionsPerAddress && oldestOfAddress !== undefined)
      return { connection: oldestOfAddress, reason: 'too-many-from-address' };
    if (this.#connections > connections + reservedConnections && oldest !== undefined)
      return { connection: oldest, reason: 'too-many-connections' };
    return undefined;
  }

  /**
   * To be called again and again, so far apart that all that has come is read in between.
   *
   * @returns those that took too long, and those of addresses that have too many which say nothing
   */
  look(): readonly Leaving<Connection>[] {
    const { connectMs, silentPerAddress } = this.#limits;
    const leaving: Leaving<Connection>[] = [];
    const leave = (connection: Connection, reason: RefusalReason): void => {
      if (leaving.length === LEAVE_AT_ONCE) return;
      this.greeted(connection);
      leaving.push({ connection, reason });
    };
    for (const connection of this.#silent) {
      if (this.#now() - connection.arrivedAt <= STEPS * connectMs) break;
      leave(connection, 'connect-timeout');
    }
    for (const connection of this.#silent.look()) {
      const { silent } = this.#address(connection.address);
      if (silent.size > silentPerAddress) leave(connection, 'too-many-from-address');
    }
    return leaving;
  }

  /** Its CONNECT came. */
  greeted(connection: Connection): void {
    if (this.#silent.delete(connection)) this.#addresses.get(connection.address)?.silent.delete(connection);
  }

  left(connection: Connection): void {
    this.greeted(connection);
    this.#connections--;
    const known = this.#addresses.get(connection.address);
    if (known !== undefined) known.connections--;
    if (this.#addresses.size > CAPACITY) this.#forgetIdle();
  }

  #address(address: string): Address<Connection> {
    let known = this.#addresses.get(address);
    if (known === undefined) {
      const { connectsPerSecondPerAddress, connectBurstPerAddress } = this.#limits;
      const bucket = new TokenBucket(connectsPerSecondPerAddress, connectBurstPerAddress, this.#now());
      known = { bucket, silent: new Set(), connections: 0 };
      this.#addresses.set(address, known);
    }
    return known;
  }

  #forgetIdle(): void {
    for (const [address, { connections }] of this.#addresses) {
      if (connections === 0) this.#addresses.delete(address);
    }
  }
}
