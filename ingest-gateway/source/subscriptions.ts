import { telemetryTopic } from '#contract/device-topic.ts';
import type { MappingRule } from '#contract/mapping/compile-rule.ts';
import type { TopicPattern } from '#contract/mapping/topic-pattern.ts';

/** The topics of devices that speak our own format. */
const NATIVE = telemetryTopic('+');

/** What to subscribe to when nobody said so: our own topics, and those that the mappings in force make readings of. */
export function defaultSubscriptions(rules: readonly MappingRule[]): string[] {
  const wanted = rules.filter(({ ignore }) => !ignore.has('topic'));
  return [...new Set([NATIVE, ...wanted.map(({ pattern }) => filterOf(pattern))])];
}

/** The narrowest filter that lets all topics of the pattern through. */
function filterOf({ levels }: TopicPattern): string {
  const filter: string[] = [];
  for (const { kind, text } of levels) {
    if (kind === 'rest' || kind === 'tail') return [...filter, '#'].join('/');
    filter.push(kind === 'literal' ? text : '+');
  }
  return filter.join('/');
}
