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
  /** A series of `/metrics`, with its labels, that must have risen: an attack that no counter shows goes on unseen. */
  readonly seenIn: string;
  /** It is against logins: good devices log in for the first time meanwhile, with passwords that somebody chose. */
  readonly besideLogins?: boolean;
  run(target: Target, signal: AbortSignal): Promise<void>;
}
