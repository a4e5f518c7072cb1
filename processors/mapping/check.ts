import type { CompiledReading } from '#contract/mapping/compile-reading.ts';
import { counted } from '#runtime/counted.ts';
import type { Contract } from '#runtime/load-contract.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';

/** What one mapping file says. */
interface FileSummary {
  readonly source: string;
  readonly rules: number;
  readonly ignoring: number;
  readonly examples: number;
}

/** How much of a type the mappings fill. */
interface Coverage {
  readonly type: string;
  readonly filled: readonly string[];
  readonly empty: readonly string[];
}

/** The result of a check that found nothing wrong. */
export function checkText({ mappingFiles, mappings }: Contract): string {
  const files = mappingFiles.map(summaryOf);
  const rows = files.map(({ source, rules, ignoring, examples }) => [
    source,
    String(rules),
    String(ignoring),
    String(examples),
  ]);
  const coverage = coverageOf(mappings.rules.flatMap(({ readings }) => readings));
  return [
    plainTable(['SOURCE', 'RULES', 'IGNORING', 'EXAMPLES'], rows),
    '',
    plainTable(
      ['TYPE', 'FILLED', 'NEVER FILLED'],
      coverage.map(({ type, filled, empty }) => [type, filled.join(', '), empty.join(', ') || '–']),
    ),
    '',
    `All good: ${counted(files.length, 'file')}, ${counted(mappings.rules.length, 'rule')}, every example gives what it says.`,
    '',
  ].join('\n');
}

export function checkJson({ mappingFiles, mappings }: Contract): string {
  return terminalJson({
    files: mappingFiles.map(summaryOf),
    types: coverageOf(mappings.rules.flatMap(({ readings }) => readings)),
  });
}

function summaryOf({ source, rules, examples }: Contract['mappingFiles'][number]): FileSummary {
  const ignoring = rules.filter(({ ignore }) => ignore.has('topic')).length;
  return { source, rules: rules.length, ignoring, examples: examples.length };
}

/** Fields that no rule fills are often a misspelt pointer away from being filled. */
function coverageOf(readings: readonly CompiledReading[]): Coverage[] {
  const filled = new Map<string, Set<string>>();
  for (const { schema, values, named } of readings) {
    const names = filled.get(schema.name) ?? new Set();
    for (const { field } of values) names.add(field.name);
    for (const name of named?.fields ?? []) names.add(name);
    filled.set(schema.name, names);
  }
  const schemas = new Map(readings.map(({ schema }) => [schema.name, schema]));
  return [...schemas.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, fields }) => {
      const all = [...fields.keys()];
      const has = (field: string): boolean => filled.get(name)?.has(field) === true;
      return { type: name, filled: all.filter(has), empty: all.filter((field) => !has(field)) };
    });
}
