import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { isTopicFilter } from '#contract/topic-filter.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { listenToBroker, listenToLetters } from './listen.ts';
import { SeenMessages } from './seen-messages.ts';
import { type Suggestion, suggestMapping } from './suggestion.ts';
import { writeSuggestion } from './write-suggestion.ts';

export interface SuggestContext {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  readonly settings: () => Settings;
  /** The log that the settings name, opened beside whoever owns it. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
}

interface Options {
  readonly seconds: number;
  readonly url?: string;
  readonly topics: string[];
  readonly source: string;
  readonly out: string;
  readonly overwrite?: true;
  readonly json?: true;
}

/** `npm run mapping -- suggest`. */
export function addSuggestCommand(
  program: Command,
  io: CommandIo,
  context: SuggestContext,
  outcome: CommandOutcome,
): void {
  addExamples(
    program.command('suggest'),
    '--source boilers --seconds 300',
    '--url mqtt://192.0.2.7 --topics "tele/#"',
  )
    .description(
      'A first mapping file with its schemas, from the messages that no mapping knows: the dead letters `unmapped-topic` of\n' +
        'the event log, or what a broker publishes. Every place it was unsure of is marked UNSURE. Exit code 1: nothing was seen.',
    )
    .option(
      '--seconds <n>',
      'how long to listen for more; 0 = only what is there: letters, or what the broker retains',
      wholeNumber(0, 86_400),
      60,
    )
    .option('--url <url>', 'listen to this broker instead: mqtt://user:password@host:1883 (mqtts, ws, wss)')
    .option('--topics <filters>', 'topic filters to subscribe to there, separated by commas', topicFilters, [
      '#',
    ])
    .option('--source <name>', 'name of the mapping', 'suggested')
    .option('--out <folder>', 'where its files are written to', 'suggested-mapping')
    .option('--overwrite', 'also files that are there already')
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      if (!/^[a-z][a-z0-9-]{0,31}$/.test(options.source))
        throw new PipelineError(
          'usage',
          '--source: expected a name of a–z, 0–9 and -, beginning with a letter',
        );
      const settings = context.settings();
      const seen = await listen(options, settings, io, context);
      const topics = seen.topics();
      if (topics.length === 0) {
        io.stderr.write('No message was seen that no mapping knows.\n');
        outcome.code = 1;
        return;
      }
      const zone = settings.siteZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      const suggestion = suggestMapping(options.source, topics, zone);
      const files = writeSuggestion(options.out, suggestion, options.overwrite === true);
      io.stdout.write(
        options.json === true
          ? `${asJson(suggestion, files, seen)}\n`
          : asText(suggestion, files, seen, options.out),
      );
    });
}

async function listen(
  options: Options,
  settings: Settings,
  io: CommandIo,
  context: SuggestContext,
): Promise<SeenMessages> {
  const seen = new SeenMessages();
  using progress = createProgressDisplay(io.stderr, options.json === true);
  const began = performance.now();
  const milliseconds = options.seconds * 1_000;
  const onProgress = (): void =>
    progress.show(
      `listening: ${seen.messages} messages`,
      milliseconds === 0 ? undefined : Math.min(1, (performance.now() - began) / milliseconds),
    );
  const listening = { milliseconds, signal: io.signal, seen, onProgress };
  if (options.url === undefined) {
    await using log = await context.openLog(settings);
    await listenToLetters(log, settings.topics, listening);
    return seen;
  }
  const mapped = settings.mappings.length > 0 || settings.mappingDir !== undefined;
  const { isCutOff } = await listenToBroker(
    options.url,
    options.topics,
    mapped ? loadContract(settings).mappings : undefined,
    context.now,
    listening,
  );
  if (isCutOff) io.stderr.write('The broker closed the connection: nothing was heard after that.\n');
  return seen;
}

function topicFilters(text: string): string[] {
  const filters = text.split(',').map((filter) => filter.trim());
  if (filters.every(isTopicFilter)) return filters;
  throw new InvalidArgumentError('expected topic filters, separated by commas');
}

function asJson(
  { rules }: Suggestion,
  files: readonly string[],
  { messages, leftOut }: SeenMessages,
): string {
  return terminalJson({ messages, leftOut, files, rules });
}

function asText({ rules }: Suggestion, files: readonly string[], seen: SeenMessages, out: string): string {
  return [
    `${seen.messages} messages were seen${seen.leftOut === 0 ? '' : `; ${seen.leftOut} of them had no room and were not looked at`}.`,
    ...rules.flatMap(({ topic, topics, type, unsure }) => [
      '',
      terminalText(`${topic}  (${topics} topics)  ${type === null ? 'ignored' : `as ${type}/1`}`),
      ...unsure.map((text) => terminalText(`  UNSURE: ${text}`)),
    ]),
    '',
    ...files.map((file) => terminalText(`written: ${file}`)),
    '',
    terminalText(
      `Look at what is marked UNSURE, then: MAPPING_DIR=${out}/mappings SCHEMA_DIR=${out}/schemas npm run mapping -- check`,
    ),
    '',
  ].join('\n');
}
