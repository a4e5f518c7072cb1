import { buffer } from 'node:stream/consumers';
import { Command } from 'commander';
import { LIMITS } from '#contract/limits.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { addExamples, addParagraphs } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, runCommand } from '#runtime/command-line.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { shippedMappingNames } from '#runtime/load-contract.ts';
import type { Settings } from '#runtime/settings.ts';
import { checkJson, checkText } from './check.ts';
import { addCompareCommand } from './compare/command.ts';
import { instant } from './instant.ts';
import { loadForCommand } from './load-for-command.ts';
import { addSuggestCommand } from './suggest/command.ts';
import { tryJson, tryText } from './try-message.ts';

export interface MappingContext {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  readonly readFile: (file: string) => Uint8Array;
  /** The log that the settings name, opened beside whoever owns it. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
}

interface TryOptions {
  readonly client: string;
  readonly retained?: true;
  readonly receivedAt?: number;
  readonly json?: true;
}

/** `npm run mapping`: the whole command line. Returns the exit code. */
export async function runMapping(io: CommandIo, context: MappingContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('mapping')
    .usage('<command> [options]')
    .description(
      'How foreign topics and payloads become readings, by the mappings of MAPPINGS and MAPPING_DIR (docs/mapping.md).',
    );
  addParagraphs(program, `Shipped mappings: ${shippedMappingNames().join(', ')}`);
  const settings = (): Settings => settingsOfCommand(io);

  addExamples(program.command('check'), '')
    .description(
      'Check all mapping files and run their examples; says which fields of their types nothing fills. Exit code 2: something\n' +
        'is wrong, all of it is told with file, rule and place.',
    )
    .option('--json', 'one JSON object')
    .action((options: { json?: true }) => {
      const contract = loadForCommand(settings());
      io.stdout.write(options.json === true ? `${checkJson(contract)}\n` : checkText(contract));
    });

  addExamples(
    program.command('try'),
    `tele/boiler/SENSOR '{"Time":"2026-01-31T08:00:00Z"}'`,
    'tele/boiler/SENSOR @payload.json',
  )
    .description(
      'What becomes of a message: by which rule, which readings, why it is refused. Exit code 1: it is refused.',
    )
    .argument('<topic>', 'that it was published to')
    .argument('<payload>', 'the payload; @FILE = of a file; @- = of standard input')
    .option('--client <id>', 'MQTT client id of who publishes it', 'client')
    .option('--retained', 'as if the retain flag was set')
    .option('--received-at <time>', 'ISO 8601 (default: now)', instant('--received-at'))
    .option('--json', 'one JSON object')
    .action(async (topic: string, payload: string, options: TryOptions) => {
      const { mappings } = loadForCommand(settings());
      const bytes = await payloadOf(payload, io, context);
      const message = {
        topic,
        payload: bytes,
        client: options.client,
        receivedAt: options.receivedAt ?? context.now(),
        retained: options.retained === true,
      };
      const mapped = mappings.map(message);
      io.stdout.write(options.json === true ? `${tryJson(message, mapped)}\n` : tryText(message, mapped));
      if (mapped.rejects.length > 0) outcome.code = 1;
    });
  addSuggestCommand(program, io, { now: context.now, settings, openLog: context.openLog }, outcome);
  addCompareCommand(program, io, { now: context.now, settings, readFile: context.readFile }, outcome);
  return runCommand(program, io, outcome);
}

/** The payload itself, or what is in the file that it names. @throws PipelineError `usage` */
async function payloadOf(
  payload: string,
  { stdin }: CommandIo,
  { readFile }: MappingContext,
): Promise<Uint8Array> {
  if (!payload.startsWith('@')) return Buffer.from(payload);
  const file = payload.slice(1);
  let bytes: Uint8Array;
  try {
    bytes = file === '-' && stdin !== undefined ? await buffer(stdin) : readFile(file);
  } catch (error) {
    throw new PipelineError('usage', `${payload}: ${describeError(error)}`);
  }
  if (bytes.length <= LIMITS.packetBytes) return bytes;
  throw new PipelineError(
    'usage',
    `${payload}: has ${bytes.length} bytes, a message at most ${LIMITS.packetBytes}`,
  );
}
