import { createLogger, LOG_LEVELS, type Logger } from '#runtime/logger.ts';
import type { Environment } from '#runtime/read-variables.ts';
import { terminalText } from '#runtime/terminal-text.ts';

/** Of a process that serves. Whoever typed a command knows which one, where and when. */
const NOT_SHOWN = new Set(['level', 'time', 'pid', 'hostname', 'name', 'part', 'msg']);

/**
 * The log of a command: its reader is the person who typed it, so it says a line of text, on standard error, and only
 * when something is wrong (`LOG_LEVEL`: more).
 */
export function createCommandLog(
  name: string,
  env: Environment,
  stderr: { write(text: string): unknown },
): Logger {
  const level = LOG_LEVELS.find((known) => known === env['LOG_LEVEL']) ?? 'warn';
  return createLogger({ name, level }, { write: (line) => void stderr.write(readable(line)) });
}

/** `warn: topic created (topic telemetry.readings, retentionMs 604800000)` */
function readable(line: string): string {
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const details = Object.entries(entry)
    .filter(([key]) => !NOT_SHOWN.has(key))
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const text = `${String(entry['level'])}: ${String(entry['msg'])}`;
  return `${terminalText(details.length === 0 ? text : `${text} (${details.join(', ')})`)}\n`;
}
