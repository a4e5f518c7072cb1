import type { StoreNames } from '#contract/mapping/compile-as.ts';
import type { ForeignMessage } from '#contract/mapping/foreign-message.ts';
import type { MappedReject } from '#contract/mapping/map-message.ts';
import type { MappedMessage } from '#contract/mapping/mappings.ts';
import { detailText, isoTime, problemsOf } from '#processors/dead-letters/letter-summary.ts';
import { excerpt, placeOfProblem, syntaxProblem } from '#processors/dead-letters/payload-place.ts';
import { terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';

/** What becomes of a message, for a person: safe for a terminal, whatever the payload holds. */
export function tryText(message: ForeignMessage, mapped: MappedMessage): string {
  const { rule, readings, rejects, ignored, skippedNames } = mapped;
  const lines = [
    rule === undefined ? 'rule      none knows this topic' : `rule      ${rule.source}: ${rule.topic}`,
  ];
  if (ignored !== undefined) lines.push(`ignored   ${IGNORED[ignored]}`);
  if (skippedNames > 0) lines.push(`skipped   ${skippedNames} names that are in no table`);
  if (readings.length > 0) {
    const rows = readings.map(({ device, reading, names }) => [
      device,
      reading.schema,
      reading.ts === message.receivedAt ? 'received' : isoTime(reading.ts),
      Object.entries(reading.values)
        .map(([name, value]) => `${name}=${terminalJson(value)}`)
        .join(' '),
      storeNames(names),
    ]);
    lines.push(
      '',
      plainTable(
        ['DEVICE', 'TYPE', 'TIME', 'VALUES', 'IN THE STORE'],
        rows.map((row) => row.map(terminalText)),
      ),
    );
  }
  for (const reject of rejects) lines.push('', ...rejectLines(reject, message));
  return `${lines.join('\n')}\n`;
}

/** Measurement and tags, where the mapping names some. */
function storeNames(names: StoreNames | undefined): string {
  const tags = Object.entries(names?.tags ?? {}).map(([name, value]) => `${name}=${value}`);
  return [names?.measurement ?? '', ...tags].filter(Boolean).join(' ') || 'by its type';
}

export function tryJson(
  message: ForeignMessage,
  { rule, readings, rejects, ignored, skippedNames }: MappedMessage,
): string {
  return terminalJson({
    topic: message.topic,
    rule: rule ?? null,
    ignored: ignored ?? null,
    skippedNames,
    readings: readings.map(({ device, reading, path, names }) => ({ device, ...reading, path, ...names })),
    rejects,
  });
}

export const IGNORED: Readonly<Record<NonNullable<MappedMessage['ignored']>, string>> = {
  topic: 'the rule swallows this topic',
  blank: 'the message has no bytes, and the rule says "blank": "ignore"',
  empty: 'nothing in it is mapped, and the rule says "empty": "ignore"',
  retained: 'the retain flag is set, and the rule says "retained": "ignore"',
};

function rejectLines({ reason, detail, path, device }: MappedReject, { payload }: ForeignMessage): string[] {
  const text = Buffer.from(payload).toString('utf8');
  const where = [
    path === undefined ? '' : ` element ${path === '' ? '(the message)' : path}`,
    device && ` of ${device}`,
  ];
  const title = terminalText(`refused   ${reason}${where.filter(Boolean).join(',')}`);
  const problems = problemsOf((detail as { readonly errors?: unknown } | null)?.errors);
  const syntax = reason === 'malformed-json' ? syntaxProblem(text) : undefined;
  if (syntax !== undefined) return [title, `  ${syntax.message}`, ...indented(excerpt(text, syntax.place))];
  if (problems.length === 0) return [title, `  ${terminalText(detailText(detail))}`];
  return [
    title,
    ...problems.flatMap((problem) => {
      const place = problem.path === '' ? undefined : placeOfProblem(text, problem);
      const line = `  ${terminalText(`${problem.path} ${problem.message}`.trim())}`;
      return place === undefined ? [line] : [line, ...indented(excerpt(text, place))];
    }),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}
