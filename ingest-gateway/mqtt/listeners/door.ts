import type { Socket } from 'node:net';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { ArrivalLimits } from './arrival-limits.ts';
import { FailingAddresses } from './failing-addresses.ts';
import type { Verdict } from './listener.ts';
import { lookInRounds } from './look-in-rounds.ts';

export interface DoorParts {
  readonly isBanned: (address: string) => boolean;
  readonly telemetry: Pick<IngestTelemetry, 'refused'>;
}

/** Who gives up sooner while its login waits for us has not waited: clients wait for 5 to 30 s. */
const PATIENCE_MS = 1_000;

/** A socket that was let in. */
export interface Guest {
  readonly socket: Socket;
  /** Where it comes from, as `sourceOf` gives it. */
  readonly address: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number;
  /** Bytes that were read before it came to the door, and are not its own: a balancer's header. */
  readonly bytesBefore: number;
  /** It ends because of us, and that was counted. */
  isTurnedAway: boolean;
  /** `undefined` = nothing is known in its favour: its end is a failure. */
  verdict: Verdict | undefined;
  /** Its failure was paid for when it came. */
  hasPaid: boolean;
}

/**
 * Judges every socket in its first moment, whichever listener it came to, by where it comes from: before TLS, the upgrade
 * to WebSocket and CONNECT, each of which costs something and may never be finished. Who may stay is decided by
 * `ArrivalLimits`, and whose connections came to nothing too often by `FailingAddresses`: those that said something and
 * ended without a verdict that they did nothing wrong. Who gives up while we owe it an answer did nothing wrong either.
 */
export class Door {
  readonly #arrivals: ArrivalLimits<Guest>;
  readonly #failing: FailingAddresses;
  readonly #parts: DoorParts;
  readonly #watchSilent: () => void;

  constructor(limits: GatewayLimits, parts: DoorParts) {
    this.#arrivals = new ArrivalLimits(limits);
    this.#failing = new FailingAddresses(limits);
    this.#parts = parts;
    this.#watchSilent = lookInRounds(() => {
      for (const { connection, reason } of this.#arrivals.look()) this.#turnAway(connection, reason);
      return this.#arrivals.silent > 0;
    });
  }

  /** @returns `undefined`: it was turned away, and is destroyed */
  enter(socket: Socket, address: string): Guest | undefined {
    const guest: Guest = {
      socket,
      address,
      arrivedAt: performance.now(),
      bytesBefore: socket.bytesRead - socket.readableLength,
      isTurnedAway: false,
      verdict: undefined,
      hasPaid: false,
    };
    const refusal = this.#refusal(address);
    if (refusal !== undefined) {
      this.#turnAway(guest, refusal);
      return undefined;
    }
    guest.hasPaid = this.#failing.entered(address);
    socket.once('close', () => this.#left(guest));
    const crowded = this.#arrivals.enter(guest);
    if (crowded !== undefined) this.#turnAway(crowded.connection, crowded.reason);
    this.#watchSilent();
    return guest;
  }

  /** Its CONNECT was parsed: it is silent no more. */
  greeted(guest: Guest): void {
    this.#arrivals.greeted(guest);
  }

  /** The last verdict counts. */
  judged(guest: Guest, verdict: Verdict): void {
    guest.verdict = verdict;
    if (verdict === 'let-in') this.#failing.letIn(guest.address);
    if (verdict === 'let-in' || verdict === 'our-fault') this.#payBack(guest);
  }

  #refusal(address: string): RefusalReason | undefined {
    if (this.#parts.isBanned(address)) return 'banned';
    if (this.#failing.waitMs(address) > 0) return 'failing-too-often';
    return this.#arrivals.refusal(address);
  }

  #left(guest: Guest): void {
    this.#arrivals.left(guest);
    if (this.#hasFailed(guest)) this.#failing.failed(guest.address, guest.hasPaid);
    else this.#payBack(guest);
  }

  #hasFailed({ socket, arrivedAt, bytesBefore, isTurnedAway, verdict }: Guest): boolean {
    if (isTurnedAway || verdict === 'let-in' || verdict === 'our-fault') return false;
    if (verdict === 'awaits-us' && performance.now() - arrivedAt >= PATIENCE_MS) return false;
    return socket.bytesRead > bytesBefore;
  }

  #payBack(guest: Guest): void {
    if (guest.hasPaid) this.#failing.payBack(guest.address);
    guest.hasPaid = false;
  }

  #turnAway(guest: Guest, reason: RefusalReason): void {
    const { socket, address } = guest;
    guest.isTurnedAway = true;
    this.#parts.telemetry.refused({ reason, deviceId: undefined, address, detail: undefined });
    socket.on('error', () => undefined).destroy();
  }
}
