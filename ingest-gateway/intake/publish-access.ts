import { matchesFilter } from '#contract/topic-filter.ts';
import type { ForwardingRight } from './forwarding.ts';

/**
 * What becomes of a message, by its topic alone: `own`, the device's telemetry; `mapped`, for the mappings, which may make
 * readings of it (of which devices, `Forwarding` judges); `foreign`, acknowledged and thrown away.
 */
export type PublishAccess = 'own' | 'mapped' | 'foreign';

/**
 * Who may publish where (P9): the one place that decides it. A client that proved to be one device (`authenticate`)
 * publishes to that device's topic. Other topics are looked at only where mappings are switched on, and from a forwarder
 * only those that its credential names.
 *
 * @param mapsTopics mappings are switched on
 */
export function judgePublish(
  topic: string,
  ownTopic: string,
  right: ForwardingRight,
  mapsTopics: boolean,
): PublishAccess {
  if (topic === ownTopic) return 'own';
  if (!mapsTopics) return 'foreign';
  if (right.kind !== 'topics') return 'mapped';
  return right.filters.some((filter) => matchesFilter(filter, topic)) ? 'mapped' : 'foreign';
}
