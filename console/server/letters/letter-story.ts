import type { Fault, LetterStory } from '#console/api/dead-letters.ts';
import { ApiFailure } from '#console/server/answers/api-answers.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import { letterId, parseLetterId } from '#contract/dead-letter.ts';
import { letterDigest } from '#processors/dead-letters/letter-digest.ts';
import { type PlacedProblem, placedProblems } from '#processors/dead-letters/letter-faults.ts';
import { asObject } from '#processors/dead-letters/letter-summary.ts';
import { isForeign, type Letter, readLetter, schemaOf } from '#processors/dead-letters/letters.ts';
import { textOf } from '#processors/dead-letters/payload-text.ts';
import { replayToday } from '#processors/dead-letters/replay-today.ts';
import type { LetterIndex } from './letter-index.ts';
import { rowOfLetter } from './letter-lists.ts';
import { checkedId } from './letter-query.ts';

/** Of a payload. More is in the log: `npm run dlq -- show --raw`. */
const SHOWN = 64 * 1024;
const MAX_DUPLICATES = 100;

/** Everything about one letter. @throws ApiFailure there is none; PipelineError `event-log-unavailable` */
export async function letterStory(
  id: string,
  index: LetterIndex,
  { eventLog, topics, contract }: Pick<ConsoleParts, 'eventLog' | 'topics' | 'contract'>,
): Promise<LetterStory> {
  const position = parseLetterId(checkedId(id));
  const letter = position && (await readLetter(eventLog, topics, position));
  if (letter === undefined)
    throw new ApiFailure(
      404,
      'not-found',
      `There is no letter ${id}: it never was, or retention removed it.`,
    );
  const digest = letterDigest(letter);
  const { letters } = await index.look();
  const same = letters.filter((other) => other.digest === digest).map((other) => other.letter.id);
  const text = textOf(letter.payload);
  const { seq, ts } = numbersOf(text);
  const { passes, text: sentence } = replayToday(letter, contract);
  const { payload } = letter;
  return {
    ...rowOfLetter(
      { letter, schema: schemaOf(payload), bytes: payload.length, digest },
      Math.max(1, same.length),
    ),
    receivedAt: letter.receivedAt,
    firstFailedAt: letter.firstFailedAt,
    topic: letter.mqttTopic ?? null,
    rule:
      isForeign(letter) && letter.rule !== undefined ? `${letter.rule.source}: ${letter.rule.topic}` : null,
    element: letter.path ?? null,
    seq,
    ts,
    index: letter.index ?? null,
    headers: Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, String(value)])),
    payload: {
      text: text === undefined ? null : text.slice(0, SHOWN),
      base64: text === undefined ? Buffer.from(payload.subarray(0, SHOWN)).toString('base64') : null,
      bytes: payload.length,
      truncated: (text?.length ?? payload.length) > SHOWN,
    },
    faults: placedProblems(letter).map(faultOf),
    replayToday: { passes, sentence },
    duplicates: same.filter((other) => other !== letter.id).slice(0, MAX_DUPLICATES),
    history: historyOf(letter),
  };
}

export function faultOf({ path, message, place }: PlacedProblem): Fault {
  return {
    path,
    message,
    offset: place?.offset ?? null,
    length: place?.length ?? 0,
    line: place?.line ?? null,
    column: place?.column ?? null,
  };
}

function historyOf({ receivedAt, time, state }: Letter): LetterStory['history'] {
  const nothing = { reason: null, became: null };
  return [
    { at: receivedAt, event: 'received', ...nothing },
    { at: time, event: 'dead-lettered', ...nothing },
    ...(state === undefined
      ? []
      : [
          {
            at: state.at,
            event: state.outcome,
            reason: state.reason ?? null,
            became: state.became === undefined ? null : letterId(state.became),
          },
        ]),
  ];
}

/** Of the one reading that a payload holds, by which it can be traced. */
function numbersOf(text: string | undefined): { readonly seq: number | null; readonly ts: number | null } {
  const nothing = { seq: null, ts: null };
  if (text === undefined) return nothing;
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return nothing;
  }
  if (Array.isArray(message)) return nothing;
  const { seq, ts } = asObject(message);
  return { seq: typeof seq === 'number' ? seq : null, ts: typeof ts === 'number' ? ts : null };
}
