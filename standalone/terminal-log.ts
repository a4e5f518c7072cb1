import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { CommandIo } from '#runtime/command-line.ts';
import { standardOutput } from '#runtime/logger.ts';
import { safeLines } from '#runtime/terminal-text.ts';

/**
 * Where the log lines of a process with a live status line go: readable on a terminal, through it, in colours unless
 * `NO_COLOR` is set (no-color.org), and without what devices wrote to do something to a terminal; JSON for machines.
 */
export function terminalLog(
  { stdout, env }: Pick<CommandIo, 'stdout' | 'env'>,
  output: { write(text: string): void },
): DestinationStream {
  if (!stdout.isTTY) return standardOutput();
  const pretty = prettyFactory({
    colorize: !env['NO_COLOR'],
    ignore: 'name,pid,hostname',
    translateTime: 'HH:MM:ss',
    singleLine: true,
  });
  return { write: (line) => output.write(pretty(JSON.parse(line, (_, value) => safe(value)))) };
}

function safe(value: unknown): unknown {
  return typeof value === 'string' ? safeLines(value) : value;
}
