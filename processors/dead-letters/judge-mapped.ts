import type { MappedReject } from '#contract/mapping/map-message.ts';
import { batchesOf, type MappedBatch } from '#contract/mapping/mapped-records.ts';
import type { Mappings } from '#contract/mapping/mappings.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { MappingOrigin } from '#contract/telemetry-record.ts';
import type { Letter } from './letters.ts';

/** What today's mappings make of a letter. */
export interface MappedAgain {
  readonly batches: readonly MappedBatch[];
  readonly rejects: readonly MappedReject[];
  readonly origin: MappingOrigin;
  /** Today's rule swallows it. */
  readonly ignored: boolean;
}

/**
 * Maps the original message again with today's rules, as received when it was, and keeps what stands at the refused
 * element: the others of the message went through at the time. A mended rule may find its elements at another depth,
 * so what is above or below that place belongs to it, too; handing a reading in twice does no harm (P3).
 *
 * @param judgedAt the clock that the readings' times are judged by; what is stamped on receipt keeps the original one.
 */
export function mapAgain(
  letter: Letter & { readonly mqttTopic: string },
  mappings: Mappings,
  judgedAt: number,
): MappedAgain {
  const { mqttTopic: topic, payload, receivedAt, mqttClientId: client = letter.deviceId, path } = letter;
  const mapped = mappings.map({ topic, payload, client, receivedAt, retained: false }, judgedAt);
  const isMeant = (place: string | undefined): boolean =>
    path === undefined || place === undefined || isWithin(place, path) || isWithin(path, place);
  return {
    batches: batchesOf(
      mapped.readings.filter((reading) => isMeant(reading.path)),
      mappings.limits,
    ),
    rejects: mapped.rejects.filter((reject) => isMeant(reject.path)),
    origin: { topic, ...(mapped.rule && { rule: mapped.rule }) },
    ignored: mapped.ignored !== undefined,
  };
}

function isWithin(place: string, above: string): boolean {
  return place === above || place.startsWith(`${above}/`);
}

/** Why a letter is left alone although its message could be mapped. */
export function whyNotMapped({ detail }: Letter, mapped: MappedAgain): string | undefined {
  const { forbidden } = (detail ?? {}) as { readonly forbidden?: unknown };
  if (forbidden === true) return 'its client had no right to speak for that device';
  if (mapped.ignored) return "today's mapping ignores it: dismiss it";
  if (mapped.batches.length === 0 && mapped.rejects.length === 0) {
    return "today's mapping finds nothing at the place that was refused: dismiss it";
  }
  return undefined;
}

/** The reason of the first reject, for a letter that fails again. */
export function firstReject(
  { rejects }: MappedAgain,
  letter: Letter,
): { reason: RejectReason; detail: unknown } {
  const [reject] = rejects;
  return { reason: reject?.reason ?? letter.reason, detail: reject?.detail ?? letter.detail };
}
