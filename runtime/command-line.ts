import { setImmediate } from 'node:timers/promises';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { addExitCodes, HELP, helpWidth, type RangedParser, typedAs } from '#runtime/command-help.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import { safeLines, terminalJson, terminalText } from '#runtime/terminal-text.ts';

/** What a command-line tool may touch of its process; its own object in tests. */
export interface CommandIo {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Missing = nothing is read. */
  readonly stdin?: NodeJS.ReadableStream;
  /** Results. With `--json`, JSON and nothing else. */
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Progress and complaints. */
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Fires when the process is told to end. */
  readonly signal: AbortSignal;
}

/**
 * Runs a commander program and returns the exit code all tools share: 0 good, 1 the work failed (an action sets it by
 * throwing, or by calling `fail`), 2 wrong usage or configuration.
 */
export async function runCommand(program: Command, io: CommandIo, outcome: CommandOutcome): Promise<number> {
  configure(program, io);
  program.name(typedAs(program.name()));
  addExitCodes(program);
  let lost: Error | undefined;
  io.stderr.on('error', () => undefined);
  io.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isReaderless(error)) lost ??= error;
  });
  try {
    await program.parseAsync([...io.argv], { from: 'user' });
    // A stream tells what became of the last write in the next turn.
    await setImmediate();
    if (lost === undefined) return outcome.code;
    io.stderr.write(`standard output cannot be written: ${describeError(lost)}\n`);
    return 1;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`${safeLines(describeError(error))}\n`);
    return hasCode(error, 'usage') || hasCode(error, 'configuration') ? 2 : 1;
  }
}

function configure(command: Command, io: CommandIo): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    getOutHelpWidth: () => helpWidth(io.stdout.columns),
    getErrHelpWidth: () => helpWidth(io.stderr.columns),
    // It quotes what was typed, or what a script put together of what others wrote.
    outputError: (text, write) => write(safeLines(`${text}${commandsOf(command, text)}`)),
  });
  command.showHelpAfterError('(--help explains)').configureHelp(HELP);
  askForMissingLast(command);
  for (const subcommand of command.commands) configure(subcommand, io);
}

/** A misspelt command is one argument too many for a program that also does something without one. */
function commandsOf({ commands }: Command, text: string): string {
  const names = commands.map((command) => command.name()).join(', ');
  return names === '' || !text.includes('too many arguments') ? '' : `(commands: ${names})\n`;
}

/**
 * An option that must be there is asked for when all that was typed is understood: commander would ask whoever typed
 * `--form` for `--from`, without a word about the former.
 */
function askForMissingLast(command: Command): void {
  const needed = command.options.filter(({ mandatory }) => mandatory);
  for (const option of needed) option.makeOptionMandatory(false);
  command.hook('preAction', () => {
    for (const option of needed)
      if (command.getOptionValue(option.attributeName()) === undefined)
        command.error(`error: required option '${option.flags}' not specified`);
  });
}

/**
 * Nobody reads any more: `… | head` closed the pipe because it has what it wanted (EPIPE), or the terminal was closed (EIO).
 * Neither is a failure of ours, and whoever has work to finish finishes it. A full disk is: what is missing in the file was not
 * wanted to be.
 */
function isReaderless({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}

/** Set `code = 1` when the work was done but its result is bad (`--verify` found something missing). */
export interface CommandOutcome {
  code: 0 | 1;
}

/** Prints the result of a command: as one JSON object, or as lines for people. Either may go to a terminal. */
export function printResult(
  { stdout }: Pick<CommandIo, 'stdout'>,
  json: boolean | undefined,
  result: object,
  lines: readonly string[],
): void {
  for (const line of json ? [terminalJson(result)] : lines.map(terminalText))
    stdout.write(`${line}
`);
}

/** Option parser: a whole number within bounds. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): RangedParser<number> {
  return numberParser('a whole number', /^-?\d+$/, min, max, max < Number.MAX_SAFE_INTEGER);
}

/** Option parser: a number within bounds, fractions allowed. */
export function decimalNumber(min: number, max: number = Number.MAX_VALUE): RangedParser<number> {
  return numberParser('a number', /^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/i, min, max, max < Number.MAX_VALUE);
}

function numberParser(
  what: string,
  form: RegExp,
  min: number,
  max: number,
  isBounded: boolean,
): RangedParser<number> {
  const [least, most] = [min, max].map((bound) => bound.toLocaleString('en'));
  const range = isBounded ? `${least} to ${most}` : `${least} or more`;
  const parse = (text: string): number => {
    const value = Number(text);
    if (form.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected ${what} from ${min}${isBounded ? ` to ${max}` : ''}`);
  };
  return Object.assign(parse, { range });
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Option parser: a time such as `7d`, `12h`, `30m`, `10s` or `0`, in milliseconds. */
export function duration(maxMs: number): RangedParser<number> {
  const range = `at most ${maxMs / UNIT_MS.d}d`;
  const parse = (text: string): number => {
    const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
    const ms = text === '0' ? 0 : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
    if (ms <= maxMs) return ms;
    throw new InvalidArgumentError(`expected a time such as 7d, 12h, 30m, 10s or 0, ${range}`);
  };
  return Object.assign(parse, { range });
}
