import { counted } from '#runtime/counted.ts';
import { shortened, terminalJson } from '#runtime/terminal-text.ts';
import { plainTable, write } from '#runtime/text-output.ts';
import { type FoldedLetter, foldDuplicates } from './fold-duplicates.ts';
import { LetterGroups, PLAIN_WIDTH } from './letter-groups.ts';
import { detailText, foldedSummaryOf, isoTime, outcomeText } from './letter-summary.ts';
import { type Letter, sourceOf, statusOf } from './letters.ts';

export interface ListOptions {
  /** At most this many, the newest; `undefined` = all, in the order of the log. */
  readonly limit: number | undefined;
  readonly json: boolean;
}

type Output = NodeJS.WritableStream & { readonly columns?: number };

/** After the reason. */
const SOURCE_COLUMN = 4;
const DETAIL_WIDTH = 200;
const LONGEST_DEVICE_ID = 64;
/** In a terminal, whose lines end where it ends: an id takes a fifth of them at most. */
const SHORTEST_DEVICE_ID = 12;
const COLUMNS_PER_DEVICE_COLUMN = 5;

/** Prints what is wrong, with how many letters of which devices. */
export async function listGroups(
  letters: AsyncIterable<Letter>,
  { limit, now }: { readonly limit: number; readonly now: number },
  stdout: Output,
): Promise<void> {
  const groups = new LetterGroups();
  for await (const letter of letters) groups.add(letter);
  const columns = stdout.columns ?? PLAIN_WIDTH;
  await write(stdout, groups.letters === 0 ? 'No dead letters.\n' : groups.text({ columns, limit, now }));
}

/** Prints letters, duplicates folded. Without a limit JSON streams; a table is made of what its limit lets in. */
export async function listLetters(
  letters: AsyncIterable<Letter>,
  { limit, json }: ListOptions,
  stdout: Output,
): Promise<void> {
  const folded = foldDuplicates(letters);
  if (json && limit === undefined) {
    for await (const entry of folded) await write(stdout, `${terminalJson(foldedSummaryOf(entry))}\n`);
    return;
  }
  const { newest, total } = await newestOf(folded, limit ?? Number.MAX_SAFE_INTEGER);
  if (json) {
    for (const entry of newest) await write(stdout, `${terminalJson(foldedSummaryOf(entry))}\n`);
    return;
  }
  if (total === 0) return write(stdout, 'No dead letters.\n');
  // A pipe gets all of it: somebody may look for it.
  const { columns = Infinity } = stdout;
  const deviceWidth = Math.max(
    SHORTEST_DEVICE_ID,
    Math.min(LONGEST_DEVICE_ID, Math.floor(columns / COLUMNS_PER_DEVICE_COLUMN)),
  );
  // Where all devices speak our language, nothing is said of mappings.
  const sources = newest.some(({ letter }) => sourceOf(letter) !== undefined);
  const head = ['ID', 'TIME', 'DEVICE', 'REASON', 'STAGE', 'ATTEMPTS', 'COPIES', 'DETAIL'];
  const table = plainTable(
    sources ? head.toSpliced(SOURCE_COLUMN, 0, 'SOURCE') : head,
    newest.map((entry) => {
      const cells = row(entry, deviceWidth);
      return sources ? cells.toSpliced(SOURCE_COLUMN, 0, sourceOf(entry.letter) ?? '–') : cells;
    }),
  );
  await write(
    stdout,
    table.replace(/.+/g, (line) => shortened(line, columns)),
  );
  if (newest.length < total) {
    const shown = `the newest ${newest.length.toLocaleString('en')} of ${counted(total, 'letter')}`;
    await write(stdout, `\n${shown}; --limit shows more, --json all\n`);
  }
}

function row({ letter, copies }: FoldedLetter, deviceWidth: number): string[] {
  const { id, time, deviceId, reason, stage, attempt, detail, state } = letter;
  const pending = statusOf(letter) === 'pending' && state === undefined;
  const text = pending ? detailText(detail) : `${outcomeText(letter)}; ${detailText(detail)}`;
  return [
    id,
    `${isoTime(time).slice(0, 19)}Z`,
    shortened(deviceId, deviceWidth),
    reason,
    stage,
    String(attempt),
    String(copies),
    shortened(text, DETAIL_WIDTH),
  ];
}

/** The newest first; holds twice the limit at most. */
async function newestOf(
  entries: AsyncIterable<FoldedLetter>,
  limit: number,
): Promise<{ readonly newest: readonly FoldedLetter[]; readonly total: number }> {
  let newest: FoldedLetter[] = [];
  let total = 0;
  const cut = (): void => {
    newest = newest
      .sort((a, b) => b.lastTime - a.lastTime || b.letter.offset - a.letter.offset)
      .slice(0, limit);
  };
  for await (const entry of entries) {
    total++;
    newest.push(entry);
    if (newest.length >= 2 * limit) cut();
  }
  cut();
  return { newest, total };
}
