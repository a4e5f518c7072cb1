import type { ForeignMessage } from '#contract/mapping/foreign-message.ts';
import { classOf } from './payload-class.ts';
import type { TopicShape } from './topic-shapes.ts';

/** The pattern of a shape, and which of its captures name the device and the field. */
export interface DraftedPattern {
  readonly topic: string;
  readonly device: unknown;
  /** The device in words. */
  readonly deviceText: string | undefined;
  /** The last level names the field: which names were seen. */
  readonly names: { readonly capture: string; readonly values: readonly string[] } | undefined;
}

const LOOKS_LIKE_ID = /\d|[0-9A-Fa-f]{6,}/;

/** @param guessDevice take a level that did not vary for the device, where none varied */
export function topicPatternOf(
  { levels, topics }: TopicShape,
  samples: readonly ForeignMessage[],
  guessDevice: boolean,
  unsure: string[],
): DraftedPattern {
  const scalars = samples.every(({ payload }) => ['scalar', 'blank'].includes(classOf(payload).kind));
  const last = levels.length - 1;
  const named = scalars && levels[last] === undefined && last > 0;
  const variable = levels.flatMap((level, index) =>
    level === undefined && !(named && index === last) ? [index] : [],
  );
  let guessed: number | undefined;
  if (variable.length === 0 && guessDevice) {
    guessed = likelyDevice(levels, named ? last - 1 : last);
    if (guessed !== undefined) {
      variable.push(guessed);
      unsure.push(`level ${guessed + 1} of the topic did not vary; it is taken for the device`);
    }
  }
  const captureOf = (index: number): string => (variable.length === 1 ? 'device' : `level${index + 1}`);
  const topic = levels
    .map((level, index) => {
      if (named && index === last) return '{name}';
      return variable.includes(index) ? `{${captureOf(index)}}` : (level ?? `{level${index + 1}}`);
    })
    .join('/');
  const captures = variable.map((index) => `{${captureOf(index)}}`);
  const [only] = captures;
  const device =
    only === undefined
      ? undefined
      : captures.length === 1
        ? { at: only, slug: true }
        : { join: captures, with: ':', slug: true };
  const names = [...new Set(topics.map(({ topic: one }) => one.split('/').at(-1) as string))];
  return {
    topic,
    device,
    deviceText: captures.length === 0 ? undefined : `${captures.join(' and ')} of the topic`,
    names: named ? { capture: 'name', values: names.slice(0, 200) } : undefined,
  };
}

/** What looks like an id; else the level before the last one; not the first one, which is the source's name. */
function likelyDevice(levels: readonly (string | undefined)[], end: number): number | undefined {
  const candidates = levels.flatMap((level, index) => (index > 0 && index <= end && level ? [index] : []));
  return (
    candidates.find((index) => LOOKS_LIKE_ID.test(levels[index] as string)) ??
    candidates.findLast((index) => index < levels.length - 1)
  );
}
