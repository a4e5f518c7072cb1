import type {
  LetterGroups,
  LetterRow,
  LettersLookedAt,
  LettersOverTime,
  LettersPage,
} from '#console/api/dead-letters.ts';
import { matches } from '#processors/dead-letters/letter-filter.ts';
import { kindOf } from '#processors/dead-letters/letter-groups.ts';
import { detailText } from '#processors/dead-letters/letter-summary.ts';
import { sourceOf, statusOf } from '#processors/dead-letters/letters.ts';
import type { IndexedLetter, IndexedLetters } from './letter-index.ts';
import type { LetterChoice } from './letter-query.ts';

/** Characters of a detail that a row shows. */
const DETAIL_CHARACTERS = 500;
const MAX_GROUPS = 500;
/** Columns of a chart. */
const COLUMNS = 60;
const MINUTE_MS = 60_000;

function chosenOf({ letters }: IndexedLetters, { filter, statuses }: LetterChoice): IndexedLetter[] {
  return letters.filter(
    ({ letter, schema }) =>
      statuses.has(statusOf(letter)) && matches({ ...filter, all: true }, letter, () => schema),
  );
}

/** The newest first; of letters that say the same, and that the same became of, the newest, with how many there are. */
export function pageOf(
  looked: IndexedLetters,
  choice: LetterChoice,
  skip: number,
  limit: number,
): LettersPage {
  const folded = new Map<string, { readonly newest: IndexedLetter; copies: number }>();
  const chosen = chosenOf(looked, choice);
  for (const entry of chosen) {
    const key = `${statusOf(entry.letter)} ${entry.digest}`;
    const known = folded.get(key);
    if (known === undefined) folded.set(key, { newest: entry, copies: 1 });
    else known.copies++;
  }
  const rows = [...folded.values()];
  return {
    letters: rows.slice(skip, skip + limit).map(({ newest, copies }) => rowOfLetter(newest, copies)),
    total: rows.length,
    matching: chosen.length,
    next: skip + limit < rows.length ? String(skip + limit) : null,
    looked: lookedAt(looked),
  };
}

export function groupsOf(looked: IndexedLetters, choice: LetterChoice): LetterGroups {
  const groups = new Map<
    string,
    { readonly newest: IndexedLetter; first: number; byDevice: Map<string, number> }
  >();
  for (const entry of chosenOf(looked, choice)) {
    const { deviceId, time } = entry.letter;
    const { key } = kindOf(entry.letter);
    const group = groups.get(key) ?? { newest: entry, first: time, byDevice: new Map<string, number>() };
    group.first = Math.min(group.first, time);
    group.byDevice.set(deviceId, (group.byDevice.get(deviceId) ?? 0) + 1);
    groups.set(key, group);
  }
  const told = [...groups.values()].map(({ newest, first, byDevice }) => {
    const [device = ''] = [...byDevice].sort(([, a], [, b]) => b - a)[0] ?? [];
    const { id, reason, time } = newest.letter;
    return {
      reason,
      detail: shortDetail(newest),
      count: [...byDevice.values()].reduce((sum, count) => sum + count, 0),
      devices: byDevice.size,
      device,
      newestId: id,
      first,
      last: time,
    };
  });
  return {
    groups: told.sort((a, b) => b.count - a.count).slice(0, MAX_GROUPS),
    looked: lookedAt(looked),
  };
}

/** @param minutes until `now` */
export function overTime(
  looked: IndexedLetters,
  choice: LetterChoice,
  minutes: number,
  now: number,
): LettersOverTime {
  const stepMs = Math.max(1, Math.ceil(minutes / COLUMNS)) * MINUTE_MS;
  const columns = Math.ceil((minutes * MINUTE_MS) / stepMs);
  const start = (Math.floor(now / stepMs) - columns + 1) * stepMs;
  const reasons = new Map<string, number[]>();
  for (const { letter } of chosenOf(looked, choice)) {
    const column = Math.floor((letter.time - start) / stepMs);
    if (column < 0 || column >= columns) continue;
    const counts = reasons.get(letter.reason) ?? new Array<number>(columns).fill(0);
    counts[column] = (counts[column] as number) + 1;
    reasons.set(letter.reason, counts);
  }
  return {
    times: Array.from({ length: columns }, (_, column) => (start + column * stepMs) / 1000),
    reasons: [...reasons].sort().map(([reason, counts]) => ({ reason, counts })),
    looked: lookedAt(looked),
  };
}

export function rowOfLetter({ letter, schema, bytes, ...entry }: IndexedLetter, copies: number): LetterRow {
  const { id, time, deviceId, reason, originalReason, stage, attempt } = letter;
  return {
    id,
    at: time,
    device: deviceId,
    reason,
    originalReason: originalReason ?? null,
    detail: shortDetail({ letter, schema, bytes, ...entry }),
    schema: schema ?? null,
    source: sourceOf(letter) ?? null,
    stage,
    attempts: attempt,
    status: statusOf(letter),
    bytes,
    copies,
  };
}

function shortDetail({ letter }: IndexedLetter): string {
  return detailText(letter.detail).slice(0, DETAIL_CHARACTERS).toWellFormed();
}

function lookedAt({ letters, older }: IndexedLetters): LettersLookedAt {
  return { letters: letters.length, since: letters.at(-1)?.letter.time ?? null, older };
}
