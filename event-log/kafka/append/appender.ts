import type { AppendRecord } from '#contract/log-record.ts';
import type { AppendCaller } from '#event-log/event-log.ts';
import type { TopicView } from '#event-log/kafka/ask/cluster-view.ts';
import { encodeRecordBody, keyOf, recordValueOf } from '#event-log/kafka/wire/record-batch.ts';
import { failAppend, logClosed, notDurable, refused } from '#event-log/pending-append.ts';
import type { PipelineError } from '#runtime/errors.ts';
import { type AppendFailure, failureOfRequest, NO_LEADER } from './append-failure.ts';
import type { AppenderDeps } from './appender-deps.ts';
import { durability } from './durability.ts';
import type { EncodedAppend, PartitionQueue } from './partition-queue.ts';
import { partitionOf } from './partitioner.ts';
import { type Batch, encodeBatches } from './produce-data.ts';
import { evenAfterRound, roundDelayMs } from './round-pace.ts';
import { problemOf, Route, troubled } from './route.ts';
import { WriteProbes } from './write-probes.ts';

/** Deadlines and back-offs are looked at this often. */
const TICK_MS = 100;
/** Two requests to a broker overlap, so that it never waits for us to encode the next one. */
const CHANNELS = ['append-1', 'append-2'];
const CHANNEL_APART = 'append-apart';
/** Of one request, about: encoding more at a time would hold up the event loop. */
const MAX_REQUEST_RECORDS = 20_000;

/**
 * Sends the partition queues to their leaders. Each *round* takes every partition that has records and none in flight,
 * groups them by leading broker and sends each broker one Produce request (`acks=all`), so that load makes requests
 * larger, not more. A round starts in the event loop turn after a record arrives or a request ends or, right behind
 * another one, a few milliseconds later (`round-pace.ts`).
 *
 * A record is durable when, and only when, the answer names its partition with error code 0. Whatever else happens, the
 * batch goes back to its queue and is sent again until each record's own deadline. A partition for whose replicas the
 * broker waited in vain goes alone, over a connection of its own, until it succeeds: it holds up nobody for longer than
 * that one request.
 *
 * Modes, of the whole: *open* → *closing* (`close`: new records are refused, those that are here are sent and sent again as
 * before) → *closed*, when the last one is durable or given up. Of a record: *unrouted* until the cluster view knows its
 * topic's leaders, then in its partition's queue, whose modes are described there. A deadline ends both.
 *
 * Idempotent producing is not used: it would bind the retries of all partitions to one sequence, and gives nothing that
 * P3 does not.
 */
export class Appender {
  readonly #deps: AppenderDeps;
  readonly #routes = new Map<string, Route>();
  readonly #probes: WriteProbes;
  /** Queues that may have something to send. */
  readonly #ready = new Set<PartitionQueue>();
  readonly #busyChannels = new Set<string>();
  #pending = 0;
  #tick: NodeJS.Timeout | undefined;
  #roundScheduled = false;
  /** When the rounds so far would have been as far apart as they are to be. */
  #evenAt = -Infinity;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(deps: AppenderDeps) {
    this.#deps = deps;
    this.#probes = new WriteProbes(this.#routes, deps);
  }

  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void {
    const body = encodeRecordBody(record.key, record.value, record.headers);
    const append: EncodedAppend = { body, deadlineAt, caller, settled: false };
    if (this.#closed === undefined) this.#take(record.topic, append);
    else failAppend(append, logClosed());
  }

  #take(topic: string, append: EncodedAppend): void {
    this.#pending++;
    this.#tick ??= setInterval(() => this.#onTick(), TICK_MS);
    if (append.deadlineAt <= performance.now()) this.#fail(append, notDurable('deadline'));
    else {
      const route = this.#routeOf(topic);
      route.health.isWritten = true;
      this.#enqueue(route, append);
    }
  }

  /** This topic may be written soon: whether it can is to be known before. */
  follow(topic: string): void {
    this.#routeOf(topic);
  }

  /** Takes over what was learned about topics; undefined when no broker answered. */
  onClusterView(topics: readonly TopicView[] | undefined): void {
    if (topics === undefined) {
      for (const { health } of this.#routes.values()) health.doubt();
      return;
    }
    for (const view of topics) {
      const route = this.#routes.get(view.name);
      if (route === undefined) continue;
      for (const append of route.learn(view, this.#deps.random)) this.#enqueue(route, append);
    }
    this.#scheduleRound();
    void this.#probes.run();
  }

  /** Why a topic cannot be written; undefined when each has a partition of which it is proven that it can. */
  problem(): string | undefined {
    return problemOf(this.#routes.values());
  }

  /** What cannot be written was not tried yet, that is all. */
  isUntried(): boolean {
    return troubled(this.#routes.values())?.health.isUntried === true;
  }

  /** Accepts no more, and resolves when every record is durable or given up. */
  close(): Promise<void> {
    this.#closed ??= Promise.withResolvers();
    this.#probes.close();
    if (this.#pending === 0) this.#closed.resolve();
    return this.#closed.promise;
  }

  #routeOf(topic: string): Route {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = new Route(topic);
      this.#routes.set(topic, route);
      this.#deps.follow(topic);
    }
    return route;
  }

  #enqueue(route: Route, append: EncodedAppend): void {
    const count = route.leaders.length;
    const queue = count === 0 ? undefined : route.queues[partitionOf(keyOf(append.body), count)];
    if (queue === undefined) {
      route.unrouted.push(append);
      return;
    }
    queue.add(append);
    this.#ready.add(queue);
    this.#scheduleRound();
  }

  #scheduleRound(): void {
    if (this.#roundScheduled) return;
    let waiting = 0;
    for (const queue of this.#ready) waiting += queue.waiting;
    if (waiting === 0) return;
    this.#roundScheduled = true;
    const round = (): void => {
      this.#roundScheduled = false;
      this.#round();
    };
    const delayMs = roundDelayMs(this.#evenAt - performance.now(), waiting);
    if (delayMs === 0) setImmediate(round);
    else setTimeout(round, delayMs);
  }

  #round(): void {
    const now = performance.now();
    this.#evenAt = evenAfterRound(this.#evenAt, now);
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const queue of this.#ready) {
      if (queue.waiting === 0) this.#ready.delete(queue);
      if (!queue.mayBeTaken(now)) continue;
      const leader = this.#routes.get(queue.topic)?.leaders[queue.partition];
      if (leader === undefined) {
        this.#onFailure(queue, NO_LEADER, queue.waiting, undefined);
        continue;
      }
      const queues = byLeader.get(leader);
      if (queues === undefined) byLeader.set(leader, [queue]);
      else queues.push(queue);
    }
    for (const [leader, queues] of byLeader) {
      const together = queues.filter((queue) => !queue.apart);
      const channel = CHANNELS.find((each) => !this.#busyChannels.has(`${leader} ${each}`));
      if (together.length > 0 && channel !== undefined) void this.#send(leader, channel, together);
      const apart = queues.find((queue) => queue.apart);
      if (apart !== undefined && !this.#busyChannels.has(`${leader} ${CHANNEL_APART}`)) {
        void this.#send(leader, CHANNEL_APART, [apart]);
      }
    }
  }

  async #send(leader: number, channel: string, queues: readonly PartitionQueue[]): Promise<void> {
    const busy = `${leader} ${channel}`;
    this.#busyChannels.add(busy);
    const now = performance.now();
    const batches: Batch[] = [];
    let records = 0;
    for (const queue of queues) {
      if (records >= MAX_REQUEST_RECORDS) break;
      const appends = queue.take(now);
      records += appends.length;
      batches.push({ queue, appends });
    }
    try {
      const sent = { wallMs: this.#deps.now(), monotonicMs: performance.now() };
      const answer = await this.#deps.produce(leader, channel, encodeBatches(batches, sent.wallMs));
      this.#deps.onAnswer(leader, answer, sent);
      for (const { queue, appends } of batches) {
        const outcome = durability(queue, answer);
        if ('baseOffset' in outcome) this.#onDurable(queue, outcome.baseOffset);
        else this.#onFailure(queue, outcome, appends.length, leader);
      }
    } catch (error) {
      const failure = failureOfRequest(error);
      for (const { queue, appends } of batches) this.#onFailure(queue, failure, appends.length, leader);
    } finally {
      this.#busyChannels.delete(busy);
      this.#scheduleRound();
    }
  }

  #onDurable(queue: PartitionQueue, baseOffset: number): void {
    const { answered, seconds } = queue.succeeded(baseOffset, performance.now());
    this.#deps.telemetry.appended(seconds);
    if (queue.waiting > 0) this.#ready.add(queue);
    this.#settled(answered);
    if (this.#routes.get(queue.topic)?.health.appended(queue.partition)) this.#deps.onChange();
  }

  #onFailure(
    queue: PartitionQueue,
    failure: AppendFailure,
    records: number,
    leader: number | undefined,
  ): void {
    const broker = leader === undefined ? '' : `${this.#deps.describeBroker(leader)}: `;
    const detail = broker + failure.detail;
    this.#deps.telemetry.appendFailed(failure.cause, queue.topic, records, detail);
    const health = this.#routes.get(queue.topic)?.health;
    if (failure.ofWholeTopic) health?.failedAltogether(detail, performance.now());
    else if (failure.remedy !== 'smaller') health?.failed(queue.partition, detail, performance.now());
    const never = queue.failed(failure, performance.now());
    if (never !== undefined && !never.settled) {
      const value = recordValueOf(never.body);
      this.#deps.telemetry.recordRefused(queue.topic, value?.length ?? 0, failure.detail);
      this.#fail(never, refused(failure.detail, value));
    }
    // To the end, so that partitions that go alone take turns.
    this.#ready.delete(queue);
    if (queue.waiting > 0) this.#ready.add(queue);
    if (failure.metadataIsStale || queue.idle) this.#deps.refresh();
    this.#deps.onChange();
  }

  #onTick(): void {
    const now = performance.now();
    for (const route of this.#routes.values()) {
      const unrouted = route.unrouted.filter((append) => append.deadlineAt <= now);
      if (unrouted.length > 0) route.unrouted = route.unrouted.filter((append) => append.deadlineAt > now);
      this.#giveUp(route, unrouted, undefined);
      for (const queue of route.queues)
        this.#giveUp(route, queue.takeExpired(now), route.health.troubleOf(queue.partition));
    }
    this.#scheduleRound();
  }

  /** @param why what is wrong with their partition alone */
  #giveUp(route: Route, expired: readonly EncodedAppend[], why: string | undefined): void {
    if (expired.length === 0) return;
    const detail = why ?? route.problem?.detail ?? 'deadline';
    this.#deps.telemetry.appendFailed('deadline', route.name, expired.length, detail);
    for (const append of expired) this.#fail(append, notDurable(detail));
  }

  #fail(append: EncodedAppend, error: PipelineError): void {
    failAppend(append, error);
    this.#settled(1);
  }

  #settled(count: number): void {
    this.#pending -= count;
    if (this.#pending > 0) return;
    clearInterval(this.#tick);
    this.#tick = undefined;
    this.#closed?.resolve();
  }
}
