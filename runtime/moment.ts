import { InvalidArgumentError } from 'commander';
import { PipelineError } from '#runtime/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A moment as people write it: `2h` (two hours ago; units s m h d w), or an ISO 8601 date or time, which without an
 * offset is UTC like every time we print. `undefined` when it is neither.
 */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = /^(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    text,
  );
  if (iso === null) return undefined;
  const hasTime = text.length > 10;
  const moment = Date.parse(`${text.replace(' ', 'T')}${hasTime && iso[1] === undefined ? 'Z' : ''}`);
  return Number.isNaN(moment) ? undefined : moment;
}

/** @throws PipelineError `usage`: nothing lies between two moments that are in the wrong order */
export function assertRising(since: number | undefined, until: number | undefined): void {
  if (since === undefined || until === undefined || since < until) return;
  throw new PipelineError(
    'usage',
    `--until: expected a time after --since, found ${iso(until)}, and --since ${iso(since)}`,
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Option parser of {@link parseMoment}. @param now milliseconds since the epoch */
export function momentArgument(now: () => number): (text: string) => number {
  return (text) => {
    const moment = parseMoment(text, now());
    if (moment !== undefined) return moment;
    throw new InvalidArgumentError(
      'expected an age such as 30m, 2h, 7d, or an ISO time such as 2026-01-31T08:00Z',
    );
  };
}
