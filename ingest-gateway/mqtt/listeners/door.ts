import type { Socket } from 'node:net';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { ArrivalLimits } from './arrival-limits.ts';
import { lookInRounds } from './look-in-rounds.ts';

export interface DoorParts {
  readonly isBanned: (address: string) => boolean;
  readonly telemetry: Pick<IngestTelemetry, 'refused'>;
}

/** A socket that was let in. */
export interface Guest {
  readonly socket: Socket;
  /** Where it comes from, as `sourceOf` gives it. */
  readonly address: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number;
  /** It ends because of us, and that was counted. */
  isTurnedAway: boolean;
}

/**
 * Judges every socket in its first moment, whichever listener it came to, by where it comes from: before TLS, the upgrade
 * to WebSocket and CONNECT, each of which costs something and may never be finished. Who may stay is decided by
 * `ArrivalLimits`.
 */
export class Door {
  readonly #arrivals: ArrivalLimits<Guest>;
  readonly #parts: DoorParts;
  readonly #watchSilent: () => void;

  constructor(limits: GatewayLimits, parts: DoorParts) {
    this.#arrivals = new ArrivalLimits(limits);
    this.#parts = parts;
    this.#watchSilent = lookInRounds(() => {
      for (const { connection, reason } of this.#arrivals.look()) this.#turnAway(connection, reason);
      return this.#arrivals.silent > 0;
    });
  }

  /** @returns `undefined`: it was turned away, and is destroyed */
  enter(socket: Socket, address: string): Guest | undefined {
    const guest: Guest = { socket, address, arrivedAt: performance.now(), isTurnedAway: false };
    const refusal = this.#parts.isBanned(address) ? 'banned' : this.#arrivals.refusal(address);
    if (refusal !== undefined) {
      this.#turnAway(guest, refusal);
      return undefined;
    }
    socket.once('close', () => this.#arrivals.left(guest));
    const crowded = this.#arrivals.enter(guest);
    if (crowded !== undefined) this.#turnAway(crowded.connection, crowded.reason);
    this.#watchSilent();
    return guest;
  }

  /** Its CONNECT was parsed: it is silent no more. */
  greeted(guest: Guest): void {
    this.#arrivals.greeted(guest);
  }

  #turnAway(guest: Guest, reason: RefusalReason): void {
    const { socket, address } = guest;
    guest.isTurnedAway = true;
    this.#parts.telemetry.refused({ reason, deviceId: undefined, address, detail: undefined });
    socket.on('error', () => undefined).destroy();
  }
}
