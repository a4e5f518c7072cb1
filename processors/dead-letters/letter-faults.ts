import type { RejectReason } from '#contract/reject-reason.ts';
import { asObject, detailText, type Problem, problemsOf } from './letter-summary.ts';
import type { Letter } from './letters.ts';
import { type Place, placeOfProblem, syntaxProblem } from './payload-place.ts';
import { firstInvalidByte, textOf } from './payload-text.ts';

export interface PlacedProblem extends Problem {
  readonly place: Place | undefined;
}

/** What is wrong with a letter's payload, and where in it. */
export function placedProblems({
  payload,
  reason,
  originalReason,
  detail,
}: Letter): readonly PlacedProblem[] {
  return faultsIn(payload, originalReason ?? reason, detail);
}

/** What a reason is about, where its detail names no place. */
const PLACES: Partial<Record<RejectReason, string>> = {
  'unknown-schema': '/schema',
  'timestamp-out-of-range': '/ts',
};

/** The same of any payload that was refused for a reason. @param within pointer to the element that was refused */
export function faultsIn(
  payload: Uint8Array,
  reason: RejectReason,
  detail: unknown,
  within = '',
): readonly PlacedProblem[] {
  const text = textOf(payload);
  if (text === undefined) {
    const at = firstInvalidByte(payload) ?? 0;
    const message = `not UTF-8 from byte ${at} on (0x${payload[at]?.toString(16).padStart(2, '0')})`;
    return payload.length === 0 ? [] : [{ path: '', message, place: undefined }];
  }
  if (reason === 'malformed-json') {
    const syntax = syntaxProblem(text);
    return syntax === undefined ? [] : [{ path: '', ...syntax }];
  }
  const path = PLACES[reason];
  const problems =
    path === undefined ? problemsOf(asObject(detail)['errors']) : [{ path, message: detailText(detail) }];
  return problems
    .map((problem) => ({ ...problem, path: `${within}${problem.path}` }))
    .map((problem) => ({ ...problem, place: placeOfProblem(text, problem) }));
}
