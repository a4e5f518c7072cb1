import { counted } from '#runtime/counted.ts';
import { shortened, terminalJson } from '#runtime/terminal-text.ts';
import { plainTable, write } from '#runtime/text-output.ts';
import { isoTime } from './letter-summary.ts';
import { type Letter, schemaOf, statusOf } from './letters.ts';

export interface StatsOptions {
  /** Rows of each table, the largest counts. */
  readonly top: number;
  readonly json: boolean;
}

/** Different values that one question counts; more of them (a fleet of strange keys) are counted together. */
const COUNTED_VALUES = 10_000;
const OTHERS = '(others)';

const QUESTIONS: Readonly<Record<string, (letter: Letter) => string>> = {
  reason: (letter) => letter.reason,
  status: statusOf,
  device: (letter) => letter.deviceId,
  schema: (letter) => schemaOf(letter.payload) ?? '(none)',
  hour: ({ time }) => isoTime(time - (time % 3_600_000)),
};

/** Counts letters by reason, status, device, schema and hour. Memory: 10,000 values a question. */
export async function printStats(
  letters: AsyncIterable<Letter>,
  { top, json }: StatsOptions,
  stdout: NodeJS.WritableStream,
): Promise<void> {
  const answers = new Map(Object.keys(QUESTIONS).map((question) => [question, new Map<string, number>()]));
  let total = 0;
  for await (const letter of letters) {
    total++;
    for (const [question, counts] of answers) {
      const value = QUESTIONS[question]?.(letter) ?? OTHERS;
      const key = counts.has(value) || counts.size < COUNTED_VALUES ? value : OTHERS;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const tables = [...answers].map(([question, counts]) => ({
    question,
    rows: topRows(question, counts, top),
  }));
  if (json) {
    const byQuestion = tables.map(({ question, rows }) => [
      `by${question[0]?.toUpperCase()}${question.slice(1)}`,
      Object.fromEntries(rows),
    ]);
    return write(stdout, `${terminalJson({ letters: total, ...Object.fromEntries(byQuestion) })}\n`);
  }
  await write(stdout, `${counted(total, 'dead letter')}\n`);
  if (total === 0) return;
  for (const { question, rows } of tables) {
    const cells = rows.map(([value, count]) => [shortened(value, 64), count.toLocaleString('en')]);
    await write(stdout, `\n${plainTable([question.toUpperCase(), 'LETTERS'], cells)}`);
  }
}

/** The largest counts first; hours in their order, the newest of them. The rest is summed up. */
function topRows(question: string, counts: ReadonlyMap<string, number>, top: number): [string, number][] {
  const rows = [...counts];
  if (question === 'hour') rows.sort(([a], [b]) => (a < b ? 1 : -1));
  else rows.sort(([, a], [, b]) => b - a);
  const shown = rows.slice(0, top).filter(([value]) => value !== OTHERS);
  const rest = [...counts.values()].reduce((a, b) => a + b, 0) - shown.reduce((sum, [, n]) => sum + n, 0);
  return rest === 0 ? shown : [...shown, [OTHERS, rest]];
}
