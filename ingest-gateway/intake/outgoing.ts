import { type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { Device } from './device.ts';
import { NO_BYTES } from './refused-record.ts';

/** A record to be appended, and what is to be counted when it is durable. */
export interface Outgoing {
  readonly record: AppendRecord;
  /** Readings in it; a dead letter counts as one. */
  readonly readings: number;
  readonly onDurable: () => void;
  /**
   * The letter to append instead, when the log refuses the record for good; without its payload, which the refusal gives
   * back: until then only the log holds it.
   */
  readonly letterWithoutPayload: () => DeadLetter;
}

/** What a message becomes. */
export interface MessageRecords {
  readonly outgoing: readonly Outgoing[];
  /** What the sender is told, if it can be; `undefined` = nothing was refused. */
  readonly verdict: { readonly accepted: number; readonly rejected: readonly RejectReason[] } | undefined;
}

export function verdictOf(
  accepted: number,
  rejects: readonly { readonly reason: RejectReason }[],
): MessageRecords['verdict'] {
  return rejects.length === 0 ? undefined : { accepted, rejected: rejects.map(({ reason }) => reason) };
}

/** The record of a dead letter, counted for the device whose message it is. */
export function outgoingLetter(
  topic: string,
  letter: DeadLetter & { readonly reason: RejectReason },
  device: Device,
  telemetry: IngestTelemetry,
): Outgoing {
  // The letter itself would keep its payload in memory until the log has it.
  const withoutPayload = { ...letter, payload: NO_BYTES };
  const { reason } = letter;
  return {
    record: encodeDeadLetter(topic, letter),
    readings: 1,
    onDurable() {
      device.countRefused(reason);
      telemetry.deadLettered(reason);
    },
    letterWithoutPayload: () => withoutPayload,
  };
}

/** The detail of a reject, with the size of a payload of which only the beginning is there. */
export function detailOf(
  detail: unknown,
  { payload, cutFrom }: { readonly payload: Uint8Array; readonly cutFrom?: number | undefined },
): unknown {
  return cutFrom === undefined ? detail : { ...(detail as object), bytes: cutFrom, kept: payload.length };
}
