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
  /** Also letters that were dealt with. */
  readonly all?: boolean;
}

/** Cheap conditions first: the schema needs the payload parsed. */
export function matches(filter: LetterFilter, letter: Letter): boolean {
  const status = statusOf(letter);
  if (filter.all !== true && status !== 'pending' && status !== 'parked') return false;
  if (filter.ids !== undefined && !filter.ids.has(letter.id)) return false;
  if (filter.reasons !== undefined && !filter.reasons.has(letter.reason)) return false;
  if (filter.devices !== undefined && !filter.devices.has(letter.deviceId)) return false;
  if (filter.stages !== undefined && !filter.stages.has(letter.stage)) return false;
  if (filter.sources !== undefined && !filter.sources.has(sourceOf(letter) ?? '')) return false;
  if (filter.since !== undefined && letter.time < filter.since) return false;
  if (filter.until !== undefined && letter.time >= filter.until) return false;
  return filter.schemas === undefined || filter.schemas.has(schemaOf(letter.payload) ?? '');
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A moment as people write it: `2h` (two hours ago; units s m h d w), or an ISO 8601 date or time, which without an
 * offset is UTC like every time we print. `undefined` when it is neither.
 */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = /^(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    text,
  );
  if (iso === null) return undefined;
  const hasTime = text.length > 10;
  const moment = Date.parse(`${text.replace(' ', 'T')}${hasTime && iso[1] === undefined ? 'Z' : ''}`);
  return Number.isNaN(moment) ? undefined : moment;
}
