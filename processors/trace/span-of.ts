import type { Wanted } from './find-readings.ts';

export type Span = Extract<Wanted, { readonly fromMs: number }>;

const ISO =
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?<seconds>:\d\d(?<milliseconds>\.\d{1,3})?)?(?<zone>Z|[+-]\d\d:?\d\d)?$/;

/** The span of time that is as wide as what the text leaves open; `undefined` = the text is no time. */
export function spanOf(text: string): Span | undefined {
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)))
    return { fromMs: Number(text), toMs: Number(text) + 1 };
  const { seconds, milliseconds, zone } = ISO.exec(text)?.groups ?? {};
  if (!ISO.test(text)) return undefined;
  const fromMs = Date.parse(`${text.replace(' ', 'T')}${zone === undefined ? 'Z' : ''}`);
  if (Number.isNaN(fromMs)) return undefined;
  return { fromMs, toMs: fromMs + (seconds === undefined ? 60_000 : milliseconds === undefined ? 1_000 : 1) };
}
