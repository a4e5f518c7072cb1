/** Where an attack goes: a pipeline of the drill's own, on loopback. */
export interface Target {
  readonly mqttPort: number;
  readonly webSocketPort: number;
  readonly httpPort: number;
}

/**
 * One way to harm a gateway, bounded in connections and in time. It stops when `signal` fires, and leaves no socket
 * behind. What it is refused is not its business: a gateway that defends itself closes and drops at will.
 */
export interface Attack {
  /** As in `npm run security-drill -- --only NAME`. */
  readonly name: string;
  /** What the attacker does, in one sentence of the report. */
  readonly what: string;
  /** A series of `/metrics`, with its labels, that must have risen: an attack that no counter shows goes on unseen. Empty = it is
   * no client of the gateway. */
  readonly seenIn: string;
  run(target: Target, signal: AbortSignal): Promise<void>;
}
