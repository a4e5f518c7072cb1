import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { PartitionProgress } from '#event-log/event-log.ts';
import { createKafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { KafkaSubscription } from './subscription.ts';

/** Six looks long. */
const STALL_MS = 300;

afterEach(() => vi.useRealTimers());

/** A kafkajs consumer that does what the test says. */
class ScriptedConsumer {
  readonly events = {
    GROUP_JOIN: 'join',
    HEARTBEAT: 'heartbeat',
    END_BATCH_PROCESS: 'end',
    CRASH: 'crash',
  };
  readonly #listeners = new Map<string, (event: { payload: object }) => void>();
  disconnected = false;
  readonly connect = vi.fn(async () => undefined);
  readonly subscribe = vi.fn(async () => undefined);
  readonly run = vi.fn(async () => this.emit('join', { memberAssignment: { t: [1, 0] } }));

  on(event: string, listener: (event: { payload: object }) => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: string, payload: object): void {
    this.#listeners.get(event)?.({ payload });
  }

  async disconnect(): Promise<void> {
    this.disconnected = true;
  }
}

function setUp(progress: () => PartitionProgress[] = () => []) {
  const consumers: ScriptedConsumer[] = [];
  const onAssigned = vi.fn();
  const subscription = new KafkaSubscription(
    {
      topic: 't',
      group: 'g',
      maxBatchRecords: 1,
      maxBatchBytes: 1,
      onBatch: async () => undefined,
      onAssigned,
    },
    { partitionsAtOnce: 1, sessionTimeoutMs: 30_000, heartbeatMs: 3_000, stallMs: STALL_MS },
    {
      createKafka: () => {
        const consumer = new ScriptedConsumer();
        consumers.push(consumer);
        return { consumer: () => consumer } as unknown as Kafka;
      },
      progress: async () => progress(),
      coordinator: async () => 'broker 1 (b:9092)',
      lookAgain: async () => ({ records: [], last: undefined }),
      telemetry: createKafkaTelemetry({
        log: pino({ level: 'silent' }),
        metrics: new Registry(),
        now: Date.now,
        random: () => 0,
      }),
      random: () => 0,
    },
  );
  const stopped = subscription.stopped.then(
    () => 'closed',
    (error: { code: string }) => error.code,
  );
  const consumer = async (index: number) => {
    await eventually(() => expect(consumers[index]?.run).toHaveBeenCalled());
    return consumers[index] as ScriptedConsumer;
  };
  return { subscription, stopped, consumer, consumers, onAssigned };
}

const standing = (partition: number): PartitionProgress => ({
  partition,
  oldestOffset: 0,
  endOffset: 10,
  committedOffset: 5,
  backlog: 5,
  backlogSince: 0,
});

describe('subscription', () => {
  test('starts always from the beginning, and tells the partitions in order', async () => {
    const { subscription, stopped, consumer, onAssigned } = setUp();
    const first = await consumer(0);
    expect(first.subscribe).toHaveBeenCalledWith({ topics: ['t'], fromBeginning: true });
    expect(first.run).toHaveBeenCalledWith(
      expect.objectContaining({ autoCommit: false, eachBatchAutoResolve: false }),
    );
    expect(onAssigned).toHaveBeenCalledWith([0, 1]);
    expect(subscription.trouble()).toBeUndefined();
    await subscription.close();
    expect(first.disconnected).toBe(true);
    expect(await stopped).toBe('closed');
    expect(subscription.trouble()).toContain('closed');
  });

  test('[P7] a crash that says the code is at fault stops it', async () => {
    const { stopped, consumer } = setUp();
    (await consumer(0)).emit('crash', { error: new TypeError('x of undefined'), restart: false });
    expect(await stopped).toBe('consumer-stopped');
  });

  test('[P2] after a crash for want of a broker a new consumer goes on, whatever kafkajs says', async () => {
    const { subscription, stopped, consumer, onAssigned } = setUp();
    const error = Object.assign(new Error('no coordinator'), { name: 'KafkaJSGroupCoordinatorNotFound' });
    const first = await consumer(0);
    first.emit('crash', { error, restart: false });
    await consumer(1);
    expect(first.disconnected).toBe(true);
    expect(onAssigned.mock.calls).toEqual([[[0, 1]], [[]], [[0, 1]]]);
    await subscription.close();
    expect(await stopped).toBe('closed');
  });

  test('[P10] a consumer that is refused says so, with Kafka’s word for it and the broker', async () => {
    const { subscription, stopped, consumer } = setUp();
    const first = await consumer(0);
    const denied = Object.assign(new Error('Not authorized to access group'), {
      name: 'KafkaJSProtocolError',
      type: 'GROUP_AUTHORIZATION_FAILED',
      code: 30,
    });
    first.emit('crash', { error: new Error('joining', { cause: denied }) });
    await eventually(() =>
      expect(subscription.trouble()).toBe(
        'the consumer of t in g is refused until its configuration is put right: ' +
          'GROUP_AUTHORIZATION_FAILED: Not authorized to access group (broker 1 (b:9092))',
      ),
    );
    await subscription.close();
    expect(await stopped).toBe('closed');
  });

  test('while Kafka is away it keeps trying', async () => {
    const { subscription, stopped, consumers } = setUp();
    await eventually(() => expect(consumers).toHaveLength(1));
    consumers[0]?.emit('crash', { error: new Error('connect ECONNREFUSED') });
    await eventually(() => expect(consumers).toHaveLength(2));
    await subscription.close();
    expect(await stopped).toBe('closed');
  });

  test('[P7] records, an idle handler and no movement: it stops, so that the process exits', async () => {
    const { stopped } = setUp(() => [standing(0)]);
    expect(await stopped).toBe('consumer-stopped');
  });

  test('[P7] not while another member has the records, nor while Kafka is away', async () => {
    // By a clock of its own: a machine that stands still between two looks would have seen no movement for too long.
    vi.useFakeTimers({ toFake: ['performance'] });
    let looks = 0;
    const { subscription, stopped, onAssigned } = setUp(() => {
      vi.advanceTimersByTime(STALL_MS / 6);
      if (++looks % 4 === 0) throw new Error('unavailable');
      return [standing(0), standing(7)];
    });
    await eventually(() => expect(onAssigned).toHaveBeenCalled());
    vi.advanceTimersByTime(STALL_MS);
    await eventually(() => expect(looks).toBeGreaterThan(20));
    expect(await Promise.race([stopped, 'running'])).toBe('running');
    await subscription.close();
  });
});
