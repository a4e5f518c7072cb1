/** What a client sent, as far as it matters for what it costs. */
export interface CostlyPacket {
  /** Bytes after the fixed header. */
  readonly length?: number;
  readonly subscriptions?: readonly unknown[];
  readonly unsubscriptions?: readonly unknown[];
}

/** Bytes that cost about as much to parse and to judge as a packet costs by itself. */
const BYTES_A_TOKEN = 4 * 1024;

/**
 * Tokens that a packet takes from its device's bucket. A packet costs what is in it: one token stands for about 50 µs
 * of the event loop, so the rate of the bucket bounds a device's share of it, whatever it sends. What becomes a dead
 * letter costs one more, where it does (`MessageIntake`).
 */
export function tokensOf(packet: CostlyPacket): number {
  const filters = (packet.subscriptions ?? packet.unsubscriptions)?.length ?? 1;
  return Math.max(1, filters) + Math.floor((packet.length ?? 0) / BYTES_A_TOKEN);
}
