import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { standardOutput } from '#runtime/logger.ts';

/** Where the log lines of a process with a live status line go: readable on a terminal, through it; JSON for machines. */
export function terminalLog(
  isTerminal: boolean | undefined,
  output: { write(text: string): void },
): DestinationStream {
  if (!isTerminal) return standardOutput();
  const pretty = prettyFactory({
    colorize: true,
    ignore: 'name,pid,hostname',
    translateTime: 'HH:MM:ss',
    singleLine: true,
  });
  return { write: (line) => output.write(pretty(JSON.parse(line))) };
}
