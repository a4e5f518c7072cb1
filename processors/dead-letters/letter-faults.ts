import type { RejectReason } from '#contract/reject-reason.ts';
import { asObject, type Problem, problemsOf } from './letter-summary.ts';
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

/** The same of any payload that was refused for a reason. */
export function faultsIn(
  payload: Uint8Array,
  reason: RejectReason,
  detail: unknown,
): readonly PlacedProblem[] {
  const text = textOf(payload);
  if (text === undefined) {
    const at = firstInvalidByte(payload) ?? 0;
    const message = `not UTF-8 from byte ${at} on (0x${payload[at]?.toString(16).padStart(2, '0')})`;
    return payload.length === 0 ? [] : [{ path: '', message, place: undefined }];
  }
  const problems = problemsOf(asObject(detail)['errors']);
  if (problems.length > 0) return problems.map((p) => ({ ...p, place: placeOfProblem(text, p) }));
  const syntax = reason === 'malformed-json' ? syntaxProblem(text) : undefined;
  return syntax === undefined ? [] : [{ path: '', ...syntax }];
}
