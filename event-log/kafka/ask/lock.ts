import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { membershipAfter } from '#event-log/kafka/wire/error-codes.ts';
import { pause } from '#runtime/retry.ts';
import { withPatience } from './patience.ts';

/** Locks are consumer groups with this prefix (for access lists: the right to read such groups). */
const LOCK_GROUP_PREFIX = 'telemetry-pipeline.lock.';

/** Without a heartbeat for this long the holder counts as dead. Kafka's default minimum is 6,000. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 1_000;
/** Longest wait for a coordinator that does not answer, when the lock is let go. */
const LEAVE_MS = 3_000;

let locks = 0;

/**
 * A lock over all processes of the cluster: a consumer group without topics, whose *leader* holds the lock.
 *
 * Why that cannot go to two: the group's coordinator decides alone, and names exactly one leader for each generation of
 * the group. Whoever wants the lock joins, which begins a new generation; a leader that is alive joins it as well and
 * stays leader (Kafka elects another one only when the old one did not come back), so the newcomer sees that it is not,
 * and leaves. A leader that died does not come back: its session ends after {@link SESSION_MS}, and one of the others
 * is the next. Modes: *joining* → *held* → *released*, or *lost* when the coordinator takes another leader because this
 * process stood still for longer than its session, as with every lock that death lets go.
 *
 * Taking it lasts up to a heartbeat while another holds it, and the broker's `group.initial.rebalance.delay.ms`
 * (3 s by default) while nobody does.
 *
 * @param onHeld told who, for people, when another one holds it and the coordinator says from where
 * @returns undefined when another one holds it
 * @throws PipelineError `event-log-unavailable`
 */
export async function acquireLock(
  connections: BrokerConnections,
  name: string,
  telemetry: KafkaTelemetry,
  onHeld?: (holder: string) => void,
): Promise<AsyncDisposable | undefined> {
  const member = new LockMember(connections, LOCK_GROUP_PREFIX + name);
  if (!(await withPatience(`lock ${name}`, () => member.join()))) {
    const host = await member.leaderHost();
    if (host !== undefined) onHeld?.(`a process on ${host}`);
    await member.leave();
    return undefined;
  }
  const released = new AbortController();
  const holding = keepAlive(member, released.signal).catch((error: unknown) =>
    telemetry.lockLost(name, error),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      released.abort();
      await holding;
      await Promise.race([member.leave(), pause(LEAVE_MS)]);
    },
  };
}

/** Heartbeats until `released`. @throws when the lock is lost */
async function keepAlive(member: LockMember, released: AbortSignal): Promise<void> {
  let lastGoodAt = performance.now();
  let mustJoin = false;
  // Someone who wants the lock has begun a new generation: come back at once, and stay leader.
  while (await pause(mustJoin ? 0 : HEARTBEAT_MS, released)) {
    try {
      if (!mustJoin) await member.heartbeat();
      else if (!(await member.join())) break;
      mustJoin = false;
      lastGoodAt = performance.now();
    } catch (error) {
      const membership = membershipAfter(error);
      mustJoin = membership === 'join anew';
      if (mustJoin) continue;
      if (membership === 'over' || performance.now() - lastGoodAt > SESSION_MS) throw error;
    }
  }
  if (!released.aborted) throw new Error('the group has another leader');
}

/**
 * A membership in the lock's group, as the coordinator sees it. *Nobody* until the first `join` is answered; *member*, of
 * the generation that `join` began last, leading it or not; *nobody* again after `leave`, or when the coordinator has
 * forgotten it (`UNKNOWN_MEMBER_ID`). What that means for the lock, `keepAlive` decides.
 */
class LockMember {
  readonly #connections: BrokerConnections;
  readonly #group: string;
  /** JoinGroup is answered when the others have joined, too: nothing else may wait behind it. */
  readonly #channel = `lock-${locks++}`;
  #memberId = '';
  #leaderId = '';
  #generationId = -1;

  constructor(connections: BrokerConnections, group: string) {
    this.#connections = connections;
    this.#group = group;
  }

  /** @returns whether this member leads the new generation */
  async join(): Promise<boolean> {
    const coordinator = await this.#connections.coordinatorOf(this.#group);
    const joined = await this.#connections.ask(coordinator, this.#channel, (c) =>
      c.joinGroup({
        groupId: this.#group,
        sessionTimeout: SESSION_MS,
        rebalanceTimeout: SESSION_MS,
        memberId: this.#memberId,
        protocolType: 'lock',
        groupProtocols: [{ name: 'leader-holds', metadata: Buffer.alloc(0) }],
      }),
    );
    this.#memberId = joined.memberId;
    this.#leaderId = joined.leaderId;
    this.#generationId = joined.generationId;
    if (joined.leaderId !== joined.memberId) return false;
    await this.#connections.ask(coordinator, this.#channel, (c) =>
      c.syncGroup({
        groupId: this.#group,
        generationId: joined.generationId,
        memberId: joined.memberId,
        groupAssignment: [],
      }),
    );
    return true;
  }

  /** The address that the leader of the group came from, as its coordinator saw it. Best effort. */
  async leaderHost(): Promise<string | undefined> {
    try {
      const coordinator = await this.#connections.coordinatorOf(this.#group);
      const { groups } = await this.#connections.ask(coordinator, this.#channel, (c) =>
        c.describeGroups({ groupIds: [this.#group] }),
      );
      const members = groups.flatMap((group) => group.members);
      return members.find(({ memberId }) => memberId === this.#leaderId)?.clientHost.replace('/', '');
    } catch {
      return undefined;
    }
  }

  async heartbeat(): Promise<void> {
    const coordinator = await this.#connections.coordinatorOf(this.#group);
    await this.#connections.ask(coordinator, this.#channel, (c) =>
      c.heartbeat({
        groupId: this.#group,
        groupGenerationId: this.#generationId,
        memberId: this.#memberId,
      }),
    );
  }

  /** Best effort: without it the session ends by itself. */
  async leave(): Promise<void> {
    try {
      const coordinator = await this.#connections.coordinatorOf(this.#group);
      await this.#connections.ask(coordinator, this.#channel, (c) =>
        c.leaveGroup({ groupId: this.#group, memberId: this.#memberId }),
      );
    } catch {
      // Already gone as a member, or Kafka is away: either way the lock lets go by itself.
    } finally {
      this.#connections.release(this.#channel);
    }
  }
}
