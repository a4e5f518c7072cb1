import type { LetterFilter as AskedFilter } from '#console/api/dead-letters.ts';
import { ApiFailure } from '#console/server/answers/api-answers.ts';
import { milliseconds } from '#console/server/answers/query-kinds.ts';
import { parseLetterId } from '#contract/dead-letter.ts';
import { LETTER_STATUSES, type LetterStatus } from '#contract/letter-status.ts';
import { isRejectReason } from '#contract/reject-reason.ts';
import type { LetterFilter } from '#processors/dead-letters/letter-filter.ts';
import { LETTER_STAGES } from '#processors/dead-letters/letters.ts';

const words = { type: 'string', maxLength: 2_000 } as const;
/** The conditions of a filter, as they stand in a query or a body. */
export const FILTER_PROPERTIES = {
  reason: words,
  device: words,
  schema: words,
  stage: words,
  source: words,
  state: { type: 'string', maxLength: 100 },
  since: milliseconds,
  until: milliseconds,
  changedSince: milliseconds,
} as const;

/** What the operations take, and the statuses that are meant: those that wait, unless others are named. */
export interface LetterChoice {
  readonly filter: LetterFilter;
  readonly statuses: ReadonlySet<LetterStatus>;
}

const WAITING: readonly LetterStatus[] = ['pending', 'parked'];

/** @throws ApiFailure what is wrong with it */
export function choiceOf(asked: AskedFilter, ids: readonly string[] = []): LetterChoice {
  const { reason, device, schema, stage, source, since, until, changedSince, state } = asked;
  const named = state === 'all' ? undefined : listOf(state, LETTER_STATUSES);
  const statuses = state === 'all' ? LETTER_STATUSES : (named ?? WAITING);
  const stages = listOf(stage, LETTER_STAGES);
  const reasons = listOf(reason)?.map((word) => {
    if (isRejectReason(word)) return word;
    throw new ApiFailure(400, 'bad-request', `There is no reason ${JSON.stringify(word)}.`);
  });
  const set = (text: string | undefined) => {
    const list = listOf(text);
    return list && new Set(list);
  };
  const [devices, schemas, sources] = [set(device), set(schema), set(source)];
  return {
    filter: {
      ...(ids.length > 0 && { ids: new Set(ids.map(checkedId)) }),
      ...(reasons && { reasons: new Set(reasons) }),
      ...(devices && { devices }),
      ...(schemas && { schemas }),
      ...(stages && { stages: new Set(stages) }),
      ...(sources && { sources }),
      ...(named && { statuses: new Set(named) }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(changedSince !== undefined && { changedSince }),
    },
    statuses: new Set(statuses),
  };
}

/** @throws ApiFailure */
export function checkedId(id: string): string {
  const position = parseLetterId(id);
  if (position === undefined)
    throw new ApiFailure(400, 'bad-request', 'Expected the id of a letter, such as 3-17.');
  return `${position.partition}-${position.offset}`;
}

/** Separated by commas; a comma within a word is written `\,`, as are a backslash and a space at its ends. */
function listOf<Word extends string>(
  text: string | undefined,
  known?: readonly Word[],
): readonly Word[] | undefined {
  const parts = (text ?? '').match(/(?:\\[\\,\s]|[^,])+/g) ?? [];
  const list = parts
    .map((part) => part.replace(/^\s+|(?<!\\)\s+$/g, '').replace(/\\([\\,\s])/g, '$1'))
    .filter(Boolean) as Word[];
  const strange = known && list.find((word) => !known.includes(word));
  if (strange !== undefined)
    throw new ApiFailure(400, 'bad-request', `Expected one of ${known?.join(', ')}.`);
  return list.length === 0 ? undefined : list;
}
