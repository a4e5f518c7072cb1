import type { Mappings } from '#contract/mapping/mappings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { judge } from './judge.ts';
import { detailText } from './letter-summary.ts';
import type { Letter } from './letters.ts';

/** By what a replay would judge a letter today. */
export interface DeadLetterContract {
  readonly schemas: SchemaRegistry;
  readonly mappings?: Mappings;
}

/** What a replay would do with the letter now, in words. */
export function replayToday(
  letter: Letter,
  { schemas, mappings }: DeadLetterContract,
): { readonly passes: boolean; readonly text: string } {
  const verdict = judge(letter, schemas, 'received', mappings);
  if (verdict.kind === 'passes') return { passes: true, text: 'would pass' };
  if (verdict.kind === 'unreplayable') return { passes: false, text: `cannot be replayed: ${verdict.why}` };
  const what = `would ${verdict.parks ? 'be parked' : 'fail'}: ${verdict.reason}`;
  return { passes: false, text: `${what}, ${detailText(verdict.detail)}` };
}
