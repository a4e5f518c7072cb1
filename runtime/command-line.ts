import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { describeError, hasCode } from '#runtime/errors.ts';

/** What a command-line tool may touch of its process; its own object in tests. */
export interface CommandIo {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Missing = nothing is read. */
  readonly stdin?: NodeJS.ReadableStream;
  /** Results. With `--json` the last line is one JSON object. */
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
  const configure = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
    command.showHelpAfterError('(--help explains)').configureHelp({ showGlobalOptions: true });
    command.commands.forEach(configure);
  };
  configure(program);
  program.name(typedAs(program.name()));
  for (const output of [io.stdout, io.stderr]) output.on('error', leaveReaderless);
  try {
    await program.parseAsync([...io.argv], { from: 'user' });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`${describeError(error)}\n`);
    return hasCode(error, 'usage') || hasCode(error, 'configuration') ? 2 : 1;
  }
}

/** What a person types to run the command, for its help. */
function typedAs(name: string): string {
  return name.startsWith('npm ') ? name : `npm run ${name} --`;
}

/**
 * Nobody reads any more: `… | head` closed the pipe because it has what it wanted (EPIPE), or the terminal was closed (EIO).
 * Neither is a failure of ours, and whoever has work to finish finishes it.
 */
function leaveReaderless(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}

/** Set `code = 1` when the work was done but its result is bad (`--verify` found something missing). */
export interface CommandOutcome {
  code: 0 | 1;
}

/** Prints the result of a command: as one JSON object, or as lines for people. */
export function printResult(
  { stdout }: Pick<CommandIo, 'stdout'>,
  json: boolean | undefined,
  result: object,
  lines: readonly string[],
): void {
  for (const line of json ? [JSON.stringify(result)] : lines) stdout.write(`${line}\n`);
}

/** Option parser: a whole number within bounds. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `expected a whole number from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ''}`,
    );
  };
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Option parser: a time such as `7d`, `12h`, `30m`, `10s` or `0`, in milliseconds. */
export function duration(maxMs: number): (text: string) => number {
  return (text) => {
    const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
    const ms = text === '0' ? 0 : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
    if (ms <= maxMs) return ms;
    throw new InvalidArgumentError(
      `expected a time such as 7d, 12h, 30m, 10s or 0, at most ${maxMs / UNIT_MS.d}d`,
    );
  };
}

/** Option parser: a number within bounds, fractions allowed. */
export function decimalNumber(min: number, max: number = Number.MAX_VALUE): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `expected a number from ${min}${max < Number.MAX_VALUE ? ` to ${max}` : ''}`,
    );
  };
}
