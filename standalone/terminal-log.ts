import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';

/**
 * Where the log lines of a process with a live status line go: readable on a terminal, JSON for machines. Synchronous,
 * so that the last lines of a process that exits are not lost.
 */
export function terminalLog(
  isTerminal: boolean | undefined,
  output: { write(text: string): void },
): DestinationStream {
  if (!isTerminal) return { write: (line) => output.write(line) };
  const pretty = prettyFactory({
    colorize: true,
    ignore: 'name,pid,hostname',
    translateTime: 'HH:MM:ss',
    singleLine: true,
  });
  return { write: (line) => output.write(pretty(JSON.parse(line))) };
}
