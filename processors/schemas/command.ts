import { Command } from 'commander';
import { compareSchemas, compareWithStore, type SchemaChange } from '#contract/schema-changes.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, runCommand } from '#runtime/command-line.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { counted } from '#runtime/counted.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { SHIPPED_SCHEMAS } from '#runtime/load-schemas.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { releasedSchemas } from './released-schemas.ts';

interface Options {
  readonly against?: string;
  readonly store?: true;
  readonly json?: true;
}

/** `npm run schemas`: the whole command line. Returns the exit code. */
export async function runSchemas(
  io: CommandIo,
  openStore: (settings: Settings) => Promise<TelemetryStore>,
): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('schemas')
    .usage('<command> [options]')
    .description('The schemas of readings: those of SCHEMA_DIR, the shipped ones, and those of mappings.');
  addExamples(program.command('check'), '', '--against v1.2.0 --store')
    .description(
      'Check every file, before a running pipeline reads it. Exit code 2: a file cannot be used, all that is wrong is told;\n' +
        '1: what changed is not compatible with the release or the store, so devices or the store would refuse readings.',
    )
    .option(
      '--against <folder|ref>',
      'the schemas of the last release: a folder, or SCHEMA_DIR (the shipped ones without it) at a tag or commit of git',
    )
    .option('--store', 'also against what the store holds (INFLUX_URL, or DATA_DIR)')
    .option('--json', 'one JSON object {"ok", "schemas", "changes": [{"schema", "compatible", "why"}]}')
    .action(async ({ against, store: withStore, json }: Options) => {
      const settings = settingsOfCommand(io);
      const { schemas } = loadContract(settings);
      const changes: SchemaChange[] = [];
      if (against !== undefined) {
        const folder = settings.schemaDir ?? SHIPPED_SCHEMAS;
        const released = releasedSchemas(against, folder);
        changes.push(...compareSchemas(released, withoutOthers(schemas, released, settings)));
      }
      if (withStore) {
        await using store = await openStore(settings);
        changes.push(...compareWithStore(schemas, await store.fields()));
      }
      const ok = changes.every(({ compatible }) => compatible);
      if (!ok) outcome.code = 1;
      if (json) io.stdout.write(`${terminalJson({ ok, schemas: [...schemas.keys()], changes })}\n`);
      else io.stdout.write(textOf(schemas, changes, ok));
    });
  return runCommand(program, io, outcome);
}

/** A release of SCHEMA_DIR says nothing about shipped types, unless it holds one of the same name. */
function withoutOthers(now: SchemaRegistry, released: SchemaRegistry, settings: Settings): SchemaRegistry {
  if (settings.schemaDir === undefined) return now;
  const own = loadContract({
    ...settings,
    shippedSchemas: false,
    mappings: [],
    mappingDir: undefined,
    storeTags: [],
  });
  return new Map([...now].filter(([name]) => own.schemas.has(name) || released.has(name)));
}

function textOf(schemas: SchemaRegistry, changes: readonly SchemaChange[], ok: boolean): string {
  const rows = changes.map(({ schema, compatible, why }) => [
    schema,
    compatible ? 'compatible' : 'BREAKS',
    why,
  ]);
  const table = rows.length === 0 ? [] : [plainTable(['SCHEMA', 'CHANGE', 'WHY'], rows)];
  const verdict = ok
    ? `All good: ${counted(schemas.size, 'schema')}.`
    : 'Not compatible: a published version does not change; make another version (docs/carrying-on.md).';
  return [...table, verdict, ''].join('\n');
}
