import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { TokenBucket } from '#ingest-gateway/token-bucket.ts';

interface Address {
  readonly bucket: TokenBucket;
  /** Connections without a CONNECT, the oldest first. */
  readonly silent: Set<object>;
  connections: number;
}

/** Addresses without a connection whose rate is remembered. */
const CAPACITY = 20_000;

/**
 * Which of the sockets that arrive may stay, so that no address takes the place of all others.
 *
 * A connection is *silent* until its CONNECT came. Silent ones of an address are bounded, and all of them give way: to
 * the next one from the same address when there are too many, and to any other when the gateway is full. So a storm of
 * sockets that say nothing costs a device no more than saying CONNECT promptly; it is the silent that lose. Connections
 * of an address, and how often it opens one, are bounded, too.
 *
 * It decides only; what is told `evict` has to end. Connections are told apart by identity.
 */
export class ArrivalLimits<Connection extends object> {
  readonly #limits: GatewayLimits;
  readonly #now: () => number;
  readonly #addresses = new Map<string, Address>();
  /** All silent connections, the oldest first. */
  readonly #silent = new Map<Connection, string>();
  #connections = 0;

  /** @param now milliseconds on the clock of `performance.now()`. */
  constructor(limits: GatewayLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
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
  enter(
    connection: Connection,
    address: string,
  ): { readonly evict: Connection; readonly reason: RefusalReason } | undefined {
    const { connections, reservedConnections, connectionsPerAddress, silentPerAddress } = this.#limits;
    const known = this.#address(address);
    known.connections++;
    this.#connections++;
    const crowded = known.silent.size >= silentPerAddress || known.connections > connectionsPerAddress;
    const oldest = first(crowded ? known.silent : this.#silent.keys()) as Connection | undefined;
    known.silent.add(connection);
    this.#silent.set(connection, address);
    if (oldest === undefined) return undefined;
    if (crowded) return { evict: oldest, reason: 'too-many-from-address' };
    return this.#connections > connections + reservedConnections
      ? { evict: oldest, reason: 'too-many-connections' }
      : undefined;
  }

  /** Its CONNECT came. */
  greeted(connection: Connection): void {
    const address = this.#silent.get(connection);
    if (address === undefined) return;
    this.#silent.delete(connection);
    this.#addresses.get(address)?.silent.delete(connection);
  }

  left(connection: Connection, address: string): void {
    this.greeted(connection);
    this.#connections--;
    const known = this.#addresses.get(address);
    if (known !== undefined) known.connections--;
    if (this.#addresses.size > CAPACITY) this.#forgetIdle();
  }

  #address(address: string): Address {
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

function first<Item>(items: Iterable<Item>): Item | undefined {
  for (const item of items) return item;
  return undefined;
}
