import type { LetterStatus } from '#contract/letter-status.ts';
import type { FoldedLetter } from './fold-duplicates.ts';
import { isForeign, type Letter, schemaOf, sourceOf, statusOf } from './letters.ts';

/** A letter as `--json` prints it: small, without its payload. Times are ISO 8601, UTC. */
export function summaryOf(letter: Letter): Record<string, unknown> {
  const { id, time, deviceId, reason, stage, attempt, index, state } = letter;
  return {
    id,
    time: isoTime(time),
    device: deviceId,
    reason,
    ...(letter.originalReason !== undefined && { originalReason: letter.originalReason }),
    stage,
    schema: schemaOf(letter.payload) ?? null,
    ...(isForeign(letter) && {
      source: sourceOf(letter),
      rule: letter.rule?.topic ?? null,
      topic: letter.mqttTopic,
    }),
    ...(letter.path !== undefined && { path: letter.path }),
    ...(index !== undefined && { index }),
    attempts: attempt,
    status: statusOf(letter),
    detail: letter.detail,
    receivedAt: isoTime(letter.receivedAt),
    firstFailedAt: isoTime(letter.firstFailedAt),
    bytes: letter.payload.length,
    ...(state && {
      outcome: {
        ...state,
        at: isoTime(state.at),
        ...(state.became && { became: `${state.became.partition}-${state.became.offset}` }),
      },
    }),
  };
}

export function foldedSummaryOf({ letter, copies, lastTime }: FoldedLetter): Record<string, unknown> {
  return { ...summaryOf(letter), copies, lastTime: isoTime(lastTime) };
}

/** The detail in a few words. Not yet safe for a terminal. */
export function detailText(detail: unknown): string {
  const { errors, message, schema } = asObject(detail);
  const problems = problemsOf(errors);
  if (problems.length > 0)
    return problems.map(({ path, message: what }) => `${path} ${what}`.trim()).join('; ');
  if (typeof message === 'string') return message;
  if (typeof schema === 'string') return `no schema ${JSON.stringify(schema)}`;
  if (detail === null || detail === undefined) return '';
  if (typeof detail !== 'object' || Array.isArray(detail)) return String(detail);
  const refused = refusedTimeText(asObject(detail));
  if (refused !== undefined) return refused;
  const facts = Object.entries(detail).map(([name, value]) =>
    typeof value === 'object' ? `${name} ${JSON.stringify(value)}` : `${name} ${value}`,
  );
  return facts.join(', ');
}

/** Of letters of one kind the numbers alone differ. */
function refusedTimeText({
  ts,
  receivedAt,
  maxAgeMs,
  maxSkewMs,
}: Readonly<Record<string, unknown>>): string | undefined {
  const isNumber = (value: unknown): value is number => typeof value === 'number';
  if (!isNumber(ts) || !isNumber(receivedAt) || !isNumber(maxAgeMs) || !isNumber(maxSkewMs)) return undefined;
  const [hours, minutes] = [maxAgeMs / 3_600_000, maxSkewMs / 60_000].map((span) => Number(span.toFixed(2)));
  const when = `its time is ${isoTime(ts)}, and it came at ${isoTime(receivedAt)}`;
  return `${when}: up to ${hours} h late and ${minutes} min early are taken`;
}

export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** The schema errors in a detail, whoever wrote it. */
export function problemsOf(errors: unknown): readonly Problem[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) => {
    const { path, message } = asObject(error);
    return typeof path === 'string' && typeof message === 'string' ? [{ path, message }] : [];
  });
}

/** For people: what became of a letter, or nothing while it is simply pending. */
export function outcomeText(letter: Letter): string {
  const { state } = letter;
  const words: Readonly<Record<LetterStatus, string>> = {
    pending: state?.reason === undefined ? 'pending' : `pending, failed again: ${state.reason}`,
    parked: `parked, was ${letter.originalReason ?? 'refused too often'}`,
    replayed: `replayed${at(state?.became, ' as record ')}`,
    recovered: `corrected${at(state?.became, ' as record ')}`,
    superseded: `parked${at(state?.became, ' as letter ')}`,
    dismissed: 'dismissed',
    duplicate: `duplicate${at(state?.became, ' of letter ')}`,
  };
  return words[statusOf(letter)];
}

export function isoTime(time: number): string {
  const date = new Date(time);
  // Headers of foreign records can hold any number.
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function at(
  position: { readonly partition: number; readonly offset: number } | undefined,
  text: string,
): string {
  return position === undefined ? '' : `${text}${position.partition}-${position.offset}`;
}
