import type { Argument, Command, Help, Option } from 'commander';

/** An option parser that can say which values it takes. */
export interface RangedParser<Value> {
  (text: string): Value;
  /** For the help: `1 to 100`. */
  readonly range: string;
}

/** Where nobody says how wide the reader's terminal is. */
const PLAIN_WIDTH = 80;
const EXIT_CODES = 'Exit codes: 0 all is well, 1 the work failed, 2 wrong usage or configuration.';

/** How wide help may be: as the terminal, but not so wide that it is hard to read. */
export function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? PLAIN_WIDTH, 120);
}

/**
 * The parts of the help that commander has no words for: which values an option takes (from its parser), and paragraphs that
 * are broken where the terminal ends, not where the source was.
 */
export const HELP: Partial<Help> = {
  showGlobalOptions: true,
  commandDescription: (command) => flowed(command.description()),
  subcommandDescription: (command) => flowed(command.summary() || command.description()),
  optionDescription: (option) =>
    described(option, option.isBoolean() ? undefined : option.defaultValue, option.defaultValueDescription),
  argumentDescription: (argument) =>
    described(argument, argument.defaultValue, argument.defaultValueDescription),
};

/** Paragraphs after the options, parted by an empty line. */
export function addParagraphs(command: Command, text: string): Command {
  return command.addHelpText('after', () =>
    text
      .trim()
      .split('\n\n')
      .map((paragraph) => `\n${wrapped(command, flowed(paragraph))}`)
      .join('\n'),
  );
}

/**
 * Lines to copy, after the options. What is read by a program or kept in a file is asked for with `--silent`, for npm would print
 * the name of the script before it.
 *
 * @param examples what stands after the command (`--since 2h`; empty = nothing), or a whole line that names it
 */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', () => {
    const typed = typedCommand(command);
    const lines = examples.map((example) => {
      if (/\bnpm (run|start)\b/.test(example)) return `  ${example}`;
      if (example === '') return `  ${typed.replace(/ --$/, '')}`;
      return `  ${FOR_PROGRAMS.test(example) ? typed.replace('npm run', 'npm run --silent') : typed} ${example}`;
    });
    return ['', examples.length === 1 ? 'Example:' : 'Examples:', ...lines].join('\n');
  });
}

const FOR_PROGRAMS = /[|>]|--json\b/;

/** What all commands have in common. */
export function addExitCodes(program: Command): void {
  program.addHelpText('afterAll', ({ command }) => `\n${wrapped(command, EXIT_CODES)}`);
}

/** What a person types to run the command, for its help: `npm run dlq --`, `npm run dlq -- list`. */
export function typedAs(name: string): string {
  return name.startsWith('npm ') ? name : `npm run ${name} --`;
}

function typedCommand(command: Command): string {
  return command.parent === null ? command.name() : `${typedCommand(command.parent)} ${command.name()}`;
}

/** What the parser takes, and the default, in one pair of brackets: with those that the description ends with, if it does. */
function described(
  { description, parseArg, argChoices }: Option | Argument,
  fallback: unknown,
  fallbackWords: string | undefined,
): string {
  const range = argChoices?.join(', ') ?? (parseArg && 'range' in parseArg ? String(parseArg.range) : '');
  // A list comes out with commas, as it is typed.
  const preset = fallback === undefined ? '' : `default: ${fallbackWords ?? String(fallback)}`;
  const [, text = description, given = ''] = (range && /^(.*) \(([^()]*)\)$/s.exec(description)) || [];
  const notes = [range, given, preset].filter(Boolean).join('; ');
  return [text, notes && `(${notes})`].filter(Boolean).join(' ');
}

function flowed(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

function wrapped(command: Command, text: string): string {
  const width = command.configureOutput().getOutHelpWidth?.() ?? PLAIN_WIDTH;
  return command.createHelp().boxWrap(text, width);
}
