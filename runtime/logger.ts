import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Structured logs, one JSON object a line. Payloads and secrets never go in: events carry ids, reasons and counts.
 * `destination` defaults to standard output; command-line tools pass standard error, their output is for the user.
 */
export function createLogger(
  options: { readonly name: string; readonly level: LogLevel },
  destination?: DestinationStream,
): Logger {
  const settings = {
    name: options.name,
    level: options.level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(settings, harmless(destination ?? standardOutput()));
}

/**
 * Control characters that JSON leaves as they are (DEL, C1), and format characters (bidi controls, zero-width): what
 * recolours a terminal, reorders what is read, or hides it. A client id or a topic in a line is hostile until shown
 * otherwise. C0 is escaped by JSON.
 */
const UNSAFE = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** Writes such characters as escapes: they stand inside strings only, so the line stays the same JSON. */
function harmless(destination: DestinationStream): DestinationStream {
  return {
    write: (line) =>
      destination.write(
        line.replace(UNSAFE, (character) =>
          Array.from(
            { length: character.length },
            (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
          ).join(''),
        ),
      ),
  };
}

/** Bytes of lines that may wait while standard output does not take them; beyond, lines are dropped. */
const WAITING_BYTES = 1024 * 1024;

/**
 * Standard output for log lines, written at once, so that the last ones of a process that exits are not lost. Lines that
 * cannot be written (the disk of a redirected log is full, the terminal was closed) end nothing: they wait, and go out
 * when the next one can.
 */
export function standardOutput(): DestinationStream {
  return pino
    .destination({ fd: 1, sync: true, maxLength: WAITING_BYTES })
    .on('error', () => undefined)
    .on('drop', () => undefined);
}
