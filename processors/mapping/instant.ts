import { PipelineError } from '#runtime/errors.ts';

/** Reads the time of an option, ISO 8601, as milliseconds since the epoch. @throws PipelineError `usage` */
export function instant(option: string): (text: string) => number {
  return (text) => {
    const time = Date.parse(text);
    if (Number.isSafeInteger(time)) return time;
    throw new PipelineError(
      'usage',
      `${option}: expected a time such as 2026-11-20T10:00:00Z, found ${text}`,
    );
  };
}
