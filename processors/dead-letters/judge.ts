import { admit, type Reject } from '#contract/admission.ts';
import { missingParts } from '#contract/dead-letter.ts';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import type { MappedReject } from '#contract/mapping/map-message.ts';
import type { MappedBatch } from '#contract/mapping/mapped-records.ts';
import type { Mappings } from '#contract/mapping/mappings.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { MappingOrigin } from '#contract/telemetry-record.ts';
import { firstReject, mapAgain, whyNotMapped } from './judge-mapped.ts';
import { isForeign, type Letter } from './letters.ts';

/** Readings that are handed in again as one record. */
export type ReplayedBatch = Pick<MappedBatch, 'deviceId' | 'readings' | 'value' | 'names'>;

/** What a replay would do with a letter. */
export type Verdict =
  /** `rejects` = the bad elements of a letter that holds a batch; they become letters of their own. */
  | {
      readonly kind: 'passes';
      readonly batches: readonly ReplayedBatch[];
      readonly rejects: readonly (Reject | (MappedReject & { readonly bytes: Uint8Array }))[];
      /** Where mapped readings came from. */
      readonly origin?: MappingOrigin;
    }
  /** `parks` = this was its last attempt. `attempt` = how often it was replayed, this time included. */
  | {
      readonly kind: 'fails';
      readonly reason: RejectReason;
      readonly detail: unknown;
      readonly parks: boolean;
      readonly attempt: number;
    }
  /** Trying makes no sense and is not counted. */
  | { readonly kind: 'unreplayable'; readonly why: string };

/** By which time a letter's readings are fresh or not: that of its receipt, or one and the same for all. Milliseconds. */
export type JudgeAt = 'received' | number;

/**
 * Judges a letter as the gateway would judge the message if it came today, by default with the original time of receipt;
 * a foreign one by today's mappings. Pure.
 *
 * A letter may be replayed `LIMITS.replayAttempts` times; when the last one fails it is parked, so that a message
 * that can never pass does not go round for ever. A parked letter can be tried again on request, as often as its
 * person likes: it fails again, but it is not parked a second time.
 */
export function judge(
  letter: Letter,
  schemas: SchemaRegistry,
  at: JudgeAt = 'received',
  mappings?: Mappings,
  limits: MessageLimits = mappings?.limits ?? LIMITS,
): Verdict {
  if (letter.reason === 'undecodable-record') {
    return {
      kind: 'unreplayable',
      why: 'it was not written by this pipeline: when it was received is unknown',
    };
  }
  const missing = whatIsMissing(letter);
  if (missing !== undefined) return { kind: 'unreplayable', why: missing };
  if (!isDeviceId(letter.deviceId)) return { kind: 'unreplayable', why: 'its key is not a device id' };
  if (letter.payload.length > limits.payloadBytes) {
    return {
      kind: 'unreplayable',
      why: `it is larger than the ${limits.payloadBytes} bytes that are accepted`,
    };
  }
  const parkable = letter.reason !== 'replay-limit';
  if (parkable && letter.attempt >= LIMITS.replayAttempts) {
    const { reason, detail, attempt } = letter;
    return { kind: 'fails', reason, detail, parks: true, attempt };
  }
  if (isForeign(letter)) return judgeForeign(letter, at, mappings);
  const { accepted, rejects } = admit(
    letter.payload,
    at === 'received' ? letter.receivedAt : at,
    schemas,
    limits,
  );
  if (accepted !== undefined) {
    const { readings, value } = accepted;
    return { kind: 'passes', batches: [{ deviceId: letter.deviceId, readings, value }], rejects };
  }
  return failsAgain(letter, {
    reason: rejects[0]?.reason ?? letter.reason,
    detail: rejects[0]?.detail ?? letter.detail,
  });
}

/** Parts that change nothing of what is handed in. */
const DISPENSABLE: ReadonlySet<string> = new Set(['rule', 'trace']);

/** It would be judged as what it was not, or stored as something else. */
function whatIsMissing(letter: Letter): string | undefined {
  const missing = [...missingParts(letter)].filter(
    (part) => !DISPENSABLE.has(part) && (part !== 'client-id' || isForeign(letter)),
  );
  if (missing.length === 0) return undefined;
  return `the dead-letter topic took no more than a part of it (missing: ${missing.join(', ')}): submit it whole`;
}

function judgeForeign(
  letter: Letter & { readonly mqttTopic: string },
  at: JudgeAt,
  mappings: Mappings | undefined,
): Verdict {
  if (mappings === undefined) return { kind: 'unreplayable', why: 'no mappings are loaded' };
  const mapped = mapAgain(letter, mappings, at === 'received' ? letter.receivedAt : at);
  const why = whyNotMapped(letter, mapped);
  if (why !== undefined) return { kind: 'unreplayable', why };
  const { batches, origin } = mapped;
  if (batches.length === 0) return failsAgain(letter, firstReject(mapped, letter));
  const rejects = mapped.rejects.map((reject) => ({ ...reject, bytes: letter.payload }));
  return { kind: 'passes', batches, rejects, origin };
}

/** This attempt failed: the letter's last one parks it. */
export function failsAgain(
  letter: Letter,
  fault: { readonly reason: RejectReason; readonly detail: unknown },
): Extract<Verdict, { readonly kind: 'fails' }> {
  const attempt = letter.attempt + 1;
  const parkable = letter.reason !== 'replay-limit';
  return {
    kind: 'fails',
    ...fault,
    parks: parkable && attempt >= LIMITS.replayAttempts,
    attempt,
  };
}
