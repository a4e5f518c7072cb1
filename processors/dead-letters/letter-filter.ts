import type { LetterStatus } from '#contract/letter-status.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import { type Letter, type LetterStage, schemaOf, sourceOf, statusOf } from './letters.ts';

/** Which letters are meant. Every condition that is given must hold; of several values of one, any. */
export interface LetterFilter {
  readonly ids?: ReadonlySet<string>;
  readonly reasons?: ReadonlySet<RejectReason>;
  readonly devices?: ReadonlySet<string>;
  readonly schemas?: ReadonlySet<string>;
  readonly stages?: ReadonlySet<LetterStage>;
  /** Mappings that knew the topic; `none` for topics that none knew. */
  readonly sources?: ReadonlySet<string>;
  /** Time of the letter: from `since` on, before `until`. Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  /** As they are now. */
  readonly statuses?: ReadonlySet<LetterStatus>;
  /** What became of it was written since then. */
  readonly changedSince?: number;
  /** Also letters that were dealt with. */
  readonly all?: boolean;
}

/**
 * Cheap conditions first: the schema needs the payload parsed.
 *
 * @param schemaName of a letter whose payload is not at hand
 * @param status of a letter that is seen as it was before
 */
export function matches(
  filter: LetterFilter,
  letter: Letter,
  schemaName: () => string | undefined = () => schemaOf(letter.payload),
  status: LetterStatus = statusOf(letter),
): boolean {
  if (filter.all !== true && status !== 'pending' && status !== 'parked') return false;
  if (filter.statuses !== undefined && !filter.statuses.has(status)) return false;
  if (filter.ids !== undefined && !filter.ids.has(letter.id)) return false;
  if (filter.reasons !== undefined && !filter.reasons.has(letter.reason)) return false;
  if (filter.devices !== undefined && !filter.devices.has(letter.deviceId)) return false;
  if (filter.stages !== undefined && !filter.stages.has(letter.stage)) return false;
  if (filter.sources !== undefined && !filter.sources.has(sourceOf(letter) ?? '')) return false;
  if (filter.since !== undefined && letter.time < filter.since) return false;
  if (filter.until !== undefined && letter.time >= filter.until) return false;
  if (filter.changedSince !== undefined && (letter.state?.at ?? 0) < filter.changedSince) return false;
  return filter.schemas === undefined || filter.schemas.has(schemaName() ?? '');
}
