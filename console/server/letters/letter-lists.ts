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
import { TimeSlice } from '#runtime/time-slice.ts';
import type { IndexedLetter, IndexedLetters } from './letter-index.ts';
import type { LetterChoice } from './letter-query.ts';

/** Characters of a detail that a row shows. */
const DETAIL_CHARACTERS = 500;
const MAX_GROUPS = 500;
/** Columns of a chart. */
const COLUMNS = 60;
const MINUTE_MS = 60_000;

/** Hands over every letter that was asked for, the newest first; rests in between, for devices may share the event loop. */
async function eachOf(
  { letters }: IndexedLetters,
  { filter, statuses }: LetterChoice,
  take: (entry: IndexedLetter) => void,
): Promise<void> {
  const asked = { ...filter, all: true };
  const slice = new TimeSlice();
  for (const entry of letters) {
    const { letter, schema } = entry;
    if (statuses.has(statusOf(letter)) && matches(asked, letter, () => schema)) take(entry);
    if (slice.isOver()) await slice.rest();
  }
}

/** The newest first; of letters that say the same, and that the same became of, the newest, with how many there are. */
export async function pageOf(
  looked: IndexedLetters,
  choice: LetterChoice,
  skip: number,
  limit: number,
): Promise<LettersPage> {
  const folded = new Map<string, { readonly newest: IndexedLetter; copies: number }>();
  let matching = 0;
  await eachOf(looked, choice, (entry) => {
    matching++;
    const key = foldKey(entry);
    const known = folded.get(key);
    if (known === undefined) folded.set(key, { newest: entry, copies: 1 });
    else known.copies++;
  });
  const rows = [...folded.values()];
  return {
    letters: rows.slice(skip, skip + limit).map(({ newest, copies }) => rowOfLetter(newest, copies)),
    total: rows.length,
    matching,
    next: skip + limit < rows.length ? String(skip + limit) : null,
    looked: lookedAt(looked),
  };
}

/** The letters of these ids, and those that a list of the choice folds into them. */
export async function withCopies(
  ids: readonly string[],
  looked: IndexedLetters,
  choice: LetterChoice,
): Promise<readonly string[]> {
  const all = new Set(ids);
  const keys = new Set(looked.letters.filter(({ letter }) => all.has(letter.id)).map(foldKey));
  await eachOf(looked, choice, (entry) => {
    if (keys.has(foldKey(entry))) all.add(entry.letter.id);
  });
  return [...all];
}

function foldKey({ letter, digest }: IndexedLetter): string {
  return `${statusOf(letter)} ${digest}`;
}

export async function groupsOf(looked: IndexedLetters, choice: LetterChoice): Promise<LetterGroups> {
  const groups = new Map<
    string,
    { readonly newest: IndexedLetter; first: number; byDevice: Map<string, number> }
  >();
  await eachOf(looked, choice, (entry) => {
    const { deviceId, time } = entry.letter;
    const { key } = kindOf(entry.letter);
    const group = groups.get(key) ?? { newest: entry, first: time, byDevice: new Map<string, number>() };
    group.first = Math.min(group.first, time);
    group.byDevice.set(deviceId, (group.byDevice.get(deviceId) ?? 0) + 1);
    groups.set(key, group);
  });
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
export async function overTime(
  looked: IndexedLetters,
  choice: LetterChoice,
  minutes: number,
  now: number,
): Promise<LettersOverTime> {
  const stepMs = Math.max(1, Math.ceil(minutes / COLUMNS)) * MINUTE_MS;
  const columns = Math.ceil((minutes * MINUTE_MS) / stepMs);
  const start = (Math.floor(now / stepMs) - columns + 1) * stepMs;
  const reasons = new Map<string, number[]>();
  await eachOf(looked, choice, ({ letter }) => {
    const column = Math.floor((letter.time - start) / stepMs);
    if (column < 0 || column >= columns) return;
    const counts = reasons.get(letter.reason) ?? new Array<number>(columns).fill(0);
    counts[column] = (counts[column] as number) + 1;
    reasons.set(letter.reason, counts);
  });
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
