import type { TopicView } from '#event-log/kafka/ask/cluster-view.ts';
import { type AppendFailure, failureOfCode } from './append-failure.ts';
import { type EncodedAppend, PartitionQueue } from './partition-queue.ts';
import { TopicHealth } from './topic-health.ts';

/** A topic on its way to its leaders. */
export class Route {
  readonly name: string;
  readonly health = new TopicHealth();
  readonly queues: PartitionQueue[] = [];
  leaders: readonly (number | undefined)[] = [];
  /** Records that came before the topic's partition count was known, in order. */
  unrouted: EncodedAppend[] = [];
  /** What is wrong with the topic as a whole. */
  problem: AppendFailure | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes over what was learned. @returns the records that can be queued now */
  learn({ leaders, errorCode }: TopicView, random: () => number): readonly EncodedAppend[] {
    this.problem = errorCode === 0 ? undefined : failureOfCode(errorCode);
    this.health.trouble = this.problem?.detail;
    if (this.problem !== undefined) return [];
    this.leaders = leaders;
    while (this.queues.length < leaders.length) {
      this.queues.push(new PartitionQueue(this.name, this.queues.length, random));
    }
    this.health.know(leaders.length);
    const { unrouted } = this;
    this.unrouted = [];
    return unrouted;
  }
}

/** The first topic that cannot be written, as far as is known. */
export function troubled(routes: IteratorObject<Route>): Route | undefined {
  return routes.find(({ health }) => health.problem !== undefined);
}

/** Why it cannot, for people. */
export function problemOf(routes: IteratorObject<Route>): string | undefined {
  const route = troubled(routes);
  return route && `topic ${route.name}: ${route.health.problem}`;
}
