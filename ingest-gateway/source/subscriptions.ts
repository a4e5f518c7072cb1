import { telemetryTopic } from '#contract/device-topic.ts';
import type { MappingRule } from '#contract/mapping/compile-rule.ts';
import type { PatternLevel, TopicPattern } from '#contract/mapping/topic-pattern.ts';

/** The topics of devices that speak our own format. */
const NATIVE = telemetryTopic('+');

/** Levels that a `{name...}` at the beginning is taken to have at most: for any number it would be `#`, all that the broker has. */
const LEADING_LEVELS = 4;

/** What to subscribe to when nobody said so: our own topics, and those that the mappings in force make readings of. */
export function defaultSubscriptions(rules: readonly MappingRule[]): string[] {
  const wanted = rules.filter(({ ignore }) => !ignore.has('topic'));
  const filters = [...new Set([NATIVE, ...wanted.flatMap(({ pattern }) => filtersOf(pattern))])];
  // A broker may send what two filters mean twice (MQTT 5, 3.3.4).
  return filters.filter((filter) => !filters.some((other) => other !== filter && covers(other, filter)));
}

/** Whether all topics of the narrow filter are topics of the wide one. */
function covers(wide: string, narrow: string): boolean {
  if (narrow.startsWith('$') && /^[+#]/.test(wide)) return false;
  const levels = narrow.split('/');
  const wanted = wide.split('/');
  if (wanted.at(-1) !== '#' && wanted.length !== levels.length) return false;
  return wanted.every(
    (level, at) =>
      level === '#' || (at < levels.length && levels[at] !== '#' && (level === '+' || level === levels[at])),
  );
}

/** The narrowest filters that let the topics of the pattern through. */
function filtersOf({ levels, rest }: TopicPattern): string[] {
  const leading = rest === 0 && levels.length > 1;
  if (!leading) return [filterOf(levels)];
  const behind = filterOf(levels.slice(1));
  return Array.from({ length: LEADING_LEVELS }, (_, more) => `${'+/'.repeat(more + 1)}${behind}`);
}

function filterOf(levels: readonly PatternLevel[]): string {
  const filter: string[] = [];
  for (const { kind, text } of levels) {
    if (kind === 'rest' || kind === 'tail') return [...filter, '#'].join('/');
    filter.push(kind === 'literal' ? text : '+');
  }
  return filter.join('/');
}
