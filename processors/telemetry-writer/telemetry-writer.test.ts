import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { buildSchemaRegistry, type SchemaRegistry } from '#contract/schema-registry.ts';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import type { EventLog, SubscribeOptions } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import type { TelemetryStore, WriteOutcome } from '#telemetry-store/telemetry-store.ts';
import { depsWith, logThat, PipelineUnderTest, reading, storeThat } from './testing/pipeline-under-test.ts';

const DAY_MS = 86_400_000;
const RETENTION_DAYS = 30;
/** The store refuses a reading this old. */
const POISON_AGE_MS = (RETENTION_DAYS + 1) * DAY_MS;

let dataDir: string;
let log: EventLog;
let store: TelemetryStore;
let pipeline: PipelineUnderTest;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'telemetry-writer-'));
  log = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, depsWith(new Registry()));
  store = await openEmbeddedTelemetryStore(
    { dataDir, retentionDays: RETENTION_DAYS },
    depsWith(new Registry()),
  );
});
afterAll(async () => {
  await log.close();
  await store.close();
  await rm(dataDir, { recursive: true });
});
beforeEach(async () => {
  pipeline = await new PipelineUnderTest(log, store).createTopics();
});

const device = (name: string | number) => `${pipeline.suffix}-${name}`;
const drained = () => eventually(async () => expect(await pipeline.backlog()).toBe(0));
const startWriter: PipelineUnderTest['startWriter'] = async (parts, options) => {
  const writer = await pipeline.startWriter(parts, options);
  onTestFinished(() => writer.stop());
  return writer;
};

describe('a batch', () => {
  test('[P2] [P8] of single readings and batch messages is stored, committed and counted', async () => {
    for (let i = 0; i < 50; i++) await pipeline.append(device(i % 5), reading(i));
    await pipeline.append(device('batch'), [reading(0), reading(1), reading(2)]);
    const writer = await startWriter();
    await drained();
    const stored = await pipeline.stored(...[0, 1, 2, 3, 4, 'batch'].map(device));
    expect(stored).toHaveLength(53);
    expect(stored.find(({ seq, deviceId }) => deviceId === device(2) && seq === 7)).toMatchObject({
      schema: 'environment/1',
      values: { temperature: 20.7, humidity: 40 },
    });
    await eventually(() =>
      expect(writer.accounting()).toEqual({ consumed: 53, stored: 53, deadLettered: 0 }),
    );
    expect(await pipeline.metric('writer_readings_consumed_total')).toBe(53);
    expect(await pipeline.metric('writer_readings_stored_total{schema="environment/1"}')).toBe(53);
    expect(await pipeline.metric('writer_readings_stored_total{schema="tracker/1"}')).toBe(0);
    expect(await pipeline.metric('writer_dead_letters_total{reason="store-rejected"}')).toBe(0);
    expect(await pipeline.metric('telemetry_age_seconds_count')).toBe(51);
    expect(writer.health()).toMatchObject({ consumerTrouble: undefined, storeTrouble: undefined });
  });

  test('is decoded while the store writes the one before', async () => {
    await pipeline.append(device(1), reading(0));
    await pipeline.append(device(1), {
      ...reading(1),
      schema: 'tracker/1',
      values: { latitude: 1, longitude: 2 },
    });
    const schemas = new Map(loadSchemas());
    const decoded = Promise.withResolvers<void>();
    const watched: SchemaRegistry = Object.assign(new Map(schemas), {
      get: (name: string) => {
        if (name === 'tracker/1') decoded.resolve();
        return schemas.get(name);
      },
    });
    let writes = 0;
    const waiting = storeThat(store, async () => {
      if (++writes === 1) await decoded.promise;
      return undefined;
    });
    const limits = { pointsPerWrite: 1, bytesPerWrite: 1024 * 1024 };
    await startWriter({ store: waiting, schemas: watched }, { limits });
    await drained();
    expect(writes).toBe(2);
    expect(await pipeline.stored(device(1))).toHaveLength(2);
  });

  test('[P5] with one poison point among 5,000: 4,999 stored, one letter', async () => {
    for (let message = 0; message < 10; message++) {
      const readings = Array.from({ length: 500 }, (_, i) => reading(message * 500 + i));
      if (message === 6) readings[123] = reading(3_123, POISON_AGE_MS);
      await pipeline.append(device('fleet'), readings);
    }
    const writer = await startWriter();
    await drained();
    expect(await pipeline.stored(device('fleet'))).toHaveLength(4_999);
    const letters = await pipeline.letters();
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      deviceId: device('fleet'),
      reason: 'store-rejected',
      stage: 'telemetry-writer',
      index: 123,
      detail: { message: expect.stringContaining('retention policy') },
    });
    expect(JSON.parse(String(letters[0]?.payload)).seq).toBe(3_123);
    await eventually(() =>
      expect(writer.accounting()).toEqual({ consumed: 5_000, stored: 4_999, deadLettered: 1 }),
    );
    expect(await pipeline.metric('writer_dead_letters_total{reason="store-rejected"}')).toBe(1);
  });

  test('[P5] a letter holds the exact bytes of its element, its origin, and the marks of earlier replays', async () => {
    const good = JSON.stringify(reading(0));
    const old = Date.now() - POISON_AGE_MS;
    const poison = `{ "ts":${old},"schema" : "environment/1", "values":{"temperature":2.150e1,"humidity":40.0} }`;
    const broken = '{"schema":"environment/1","ts":1,"values":{"temperature":"hot","humidity":4}}';
    const position = await pipeline.append(device('a'), ` [${broken}, ${good} ,\n${poison}]`, {
      receivedAt: 1_234,
      replay: { attempt: 2, firstFailedAt: 567 },
    });
    await startWriter();
    await drained();
    const origin = { ...position, topic: pipeline.topics.telemetry };
    const common = { deviceId: device('a'), receivedAt: 1_234, attempt: 2, firstFailedAt: 567, origin };
    const letters = await pipeline.letters();
    expect(letters.map(({ payload }) => String(payload))).toEqual([broken, poison]);
    expect(letters).toMatchObject([
      { ...common, reason: 'schema-violation', index: 0 },
      { ...common, reason: 'store-rejected', index: 2 },
    ]);
    expect(await pipeline.stored(device('a'))).toHaveLength(1);
    expect(await pipeline.metric('telemetry_age_seconds_count')).toBe(0);
  });

  test('[P5] [P10] records that are not ours become one letter each, with their bytes, and harm no other', async () => {
    const noise = Buffer.from([0, 255, 1, 254, 0x7b]);
    const ours = { 'received-at': '1764000000000' };
    const huge = Buffer.alloc(700_000, 'x');
    await pipeline.appendForeign(device('a'), noise, ours);
    await pipeline.append(device('a'), reading(1));
    await pipeline.appendForeign(device('a'), Buffer.from(JSON.stringify(reading(2))));
    await pipeline.appendForeign('no/device id', Buffer.from('{}'), ours);
    await pipeline.appendForeign(device('a'), null, ours);
    await pipeline.appendForeign(device('b'), huge, ours);
    await pipeline.append(device('a'), reading(3));
    const writer = await startWriter();
    await drained();
    expect((await pipeline.stored(device('a'))).map(({ seq }) => seq)).toEqual([1, 3]);
    const letters = await pipeline.letters();
    expect(letters.map(({ reason }) => reason)).toEqual(Array(5).fill('undecodable-record'));
    expect(letters[0]?.payload).toEqual(noise);
    expect(letters[2]?.deviceId).toBe('no/device id');
    expect(letters[3]?.payload).toHaveLength(0);
    expect(letters[4]?.payload.length).toBe(256 * 1024);
    expect(letters[4]?.detail).toMatchObject({ bytes: huge.length });
    await eventually(() => expect(writer.accounting()).toEqual({ consumed: 7, stored: 2, deadLettered: 5 }));
  });

  test('is judged by the schemas of the writer', async () => {
    const built = buildSchemaRegistry([
      {
        path: 'pump/1.json',
        type: 'pump',
        version: '1',
        content: {
          type: 'object',
          additionalProperties: false,
          properties: { toString: { type: 'integer' } },
        },
      },
    ]);
    if (!('registry' in built)) throw new Error(built.problems.join());
    await pipeline.append(device('a'), reading(1));
    await pipeline.append(device('a'), `{"schema":"pump/1","ts":${Date.now()},"values":{"toString":5}}`);
    await startWriter({ schemas: built.registry });
    await drained();
    expect(await pipeline.letters()).toMatchObject([
      { reason: 'unknown-schema', detail: { schema: 'environment/1' } },
    ]);
    expect(await pipeline.stored(device('a'))).toMatchObject([{ schema: 'pump/1', values: { toString: 5 } }]);
  });

  test('leaves turns of the event loop to others while it is decoded', async () => {
    for (let message = 0; message < 24; message++) {
      await pipeline.append(
        device('a'),
        Array.from({ length: 400 }, (_, i) => reading(message * 400 + i)),
      );
    }
    let turns = 0;
    let turnsBeforeWrite: number | undefined;
    const countTurns = () => {
      turns++;
      counting = setImmediate(countTurns);
    };
    let counting = setImmediate(countTurns);
    onTestFinished(() => clearImmediate(counting));
    let turnsAtBatch = 0;
    const observed: EventLog = {
      ...logThat(log, async () => undefined),
      subscribe: (options) =>
        log.subscribe({
          ...options,
          onBatch: (batch, signal) => {
            turnsAtBatch = turns;
            return options.onBatch(batch, signal);
          },
        }),
    };
    await startWriter({
      log: observed,
      store: storeThat(store, async () => {
        turnsBeforeWrite ??= turns - turnsAtBatch;
        return undefined;
      }),
    });
    await drained();
    expect(turnsBeforeWrite).toBeGreaterThan(0);
  });
});

describe('a store that does not take points', () => {
  test.each<[string, WriteOutcome, string]>([
    ['away', { kind: 'retry', cause: 'unreachable', detail: 'ECONNREFUSED' }, 'unreachable'],
    ['full', { kind: 'retry', cause: 'storage-full', detail: 'disk full' }, 'storage-full'],
    ['refusing us', { kind: 'misconfigured', detail: '401' }, 'misconfigured'],
  ])('[P2] %s, then back: nothing is lost, nothing dead-lettered', async (_, answer, cause) => {
    for (let i = 0; i < 40; i++) await pipeline.append(device(i % 4), reading(i));
    let away = true;
    let failures = 0;
    const writer = await startWriter({
      store: storeThat(store, async () => {
        if (away) failures++;
        return away ? answer : undefined;
      }),
    });
    await eventually(() => expect(writer.health().storeTrouble).toContain(cause));
    await eventually(() => expect(failures).toBeGreaterThan(5));
    expect(await pipeline.backlog()).toBe(40);
    away = false;
    await drained();
    expect(await pipeline.stored(...[0, 1, 2, 3].map(device))).toHaveLength(40);
    expect(await pipeline.letters()).toEqual([]);
    expect(await pipeline.metric(`writer_write_retries_total{cause="${cause}"}`)).toBe(failures);
    expect(writer.health().storeTrouble).toBeUndefined();
    expect(pipeline.lines.map(({ msg }) => msg)).toContain('the store takes points again');
  });

  test('[P2] refusing everything for one cause: held, probed with a few points, written when it is repaired', async () => {
    const refuseAll = (points: readonly unknown[]): WriteOutcome => ({
      kind: 'written',
      rejected: points.map((_, index) => ({ index, reason: 'beyond retention' })),
    });
    let broken = true;
    const sizes: number[] = [];
    const faulty = storeThat(store, async (points) => {
      sizes.push(points.length);
      return broken ? refuseAll(points) : undefined;
    });
    // Each message is a batch of its own by its size, of another device.
    for (let i = 0; i < 6; i++)
      await pipeline.append(
        device(i),
        Array.from({ length: 450 }, (_, seq) => reading(seq)),
      );
    const oneByOne: EventLog = {
      ...logThat(log, async () => undefined),
      subscribe: (options) => log.subscribe({ ...options, maxBatchRecords: 1 }),
    };
    const writer = await startWriter({ log: oneByOne, store: faulty });
    await eventually(() => expect(writer.health().storeTrouble).toContain('rejects-all'));
    await eventually(() => expect(sizes.length).toBeGreaterThan(6));
    expect(sizes.slice(0, 3)).toEqual([450, 450, 450]);
    expect(sizes.slice(3).every((size) => size < 10)).toBe(true);
    // What was refused before there was enough evidence was dead-lettered.
    expect(await pipeline.letters()).toHaveLength(900);
    expect(await pipeline.backlog()).toBe(4);
    broken = false;
    await drained();
    expect(await pipeline.letters()).toHaveLength(900);
    expect(await pipeline.stored(...[2, 3, 4, 5].map(device))).toHaveLength(4 * 450);
    await eventually(() =>
      expect(writer.accounting()).toEqual({ consumed: 2_700, stored: 1_800, deadLettered: 900 }),
    );
  });

  test('refusing everything, with STORE_REJECT_ALL=dead-letter: everything is dead-lettered', async () => {
    for (let i = 0; i < 300; i++) await pipeline.append(device(i % 10), reading(i, POISON_AGE_MS));
    const writer = await startWriter({}, { rejectAll: 'dead-letter' });
    await drained();
    expect(await pipeline.letters()).toHaveLength(300);
    expect(writer.health().storeTrouble).toBeUndefined();
  });
});

describe('letters that cannot be written', () => {
  test('[P2] hold their batch uncommitted until they can', async () => {
    await pipeline.append(device('a'), [reading(0), reading(1, POISON_AGE_MS)]);
    let blocked = true;
    let attempts = 0;
    const writer = await startWriter({
      log: logThat(log, async () => {
        attempts++;
        if (blocked) throw new PipelineError('not-durable', 'no leader', { retryable: true });
      }),
    });
    await eventually(() => expect(attempts).toBeGreaterThan(1));
    expect(await pipeline.backlog()).toBe(1);
    expect(writer.accounting().consumed).toBe(0);
    blocked = false;
    await drained();
    expect(await pipeline.letters()).toHaveLength(1);
    await eventually(() => expect(writer.accounting()).toEqual({ consumed: 2, stored: 1, deadLettered: 1 }));
  });
});

describe('stopping', () => {
  test('[P2] waits for the write under way and commits it', async () => {
    await pipeline.append(device('a'), reading(0));
    const writing = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<undefined>();
    const writer = await startWriter({
      store: storeThat(store, () => {
        writing.resolve();
        return answered.promise;
      }),
    });
    await writing.promise;
    const stopped = writer.stop();
    answered.resolve(undefined);
    await stopped;
    expect(await pipeline.backlog()).toBe(0);
    expect(writer.accounting()).toEqual({ consumed: 1, stored: 1, deadLettered: 0 });
    expect(writer.health().consumerTrouble).toBe('the writer stops');
  });

  test.each<[string, WriteOutcome]>([
    ['the store is away', { kind: 'retry', cause: 'unreachable', detail: '' }],
    ['the store refuses us', { kind: 'misconfigured', detail: '' }],
  ])('[P2] abandons a batch that waits because %s; its records come again', async (_, answer) => {
    await pipeline.append(device('a'), reading(0));
    const hour = { firstDelayMs: 3_600_000, maxDelayMs: 3_600_000, jitter: 0 };
    const writer = await startWriter(
      { store: storeThat(store, async () => answer) },
      { delays: { retry: hour, maxRequestedMs: 3_600_000, holdMs: 3_600_000 } },
    );
    await eventually(() => expect(writer.health().storeTrouble).toBeDefined());
    await writer.stop();
    expect(await pipeline.backlog()).toBe(1);
    expect(writer.accounting().consumed).toBe(0);
    await startWriter();
    await drained();
    expect(await pipeline.stored(device('a'))).toHaveLength(1);
  });

  test('[P2] gives up a write that does not end; a lost partition aborts it, and its batch is discarded', async () => {
    await pipeline.append(device('a'), reading(0));
    const aborted: WriteOutcome = { kind: 'retry', cause: 'aborted', detail: '' };
    const writing = Promise.withResolvers<void>();
    const writer = await startWriter({
      store: storeThat(store, (_points, signal) => {
        writing.resolve();
        return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(aborted)));
      }),
    });
    await writing.promise;
    await writer.stop();
    expect(await pipeline.backlog()).toBe(1);
    expect(await pipeline.stored(device('a'))).toEqual([]);
    expect(writer.accounting().consumed).toBe(0);
  });
});

describe('a partition that is lost', () => {
  /** A log whose only subscriber the test plays. */
  async function played(store: TelemetryStore) {
    const lost = new AbortController();
    const given = Promise.withResolvers<SubscribeOptions>();
    const outcome = { settled: false, appends: 0 };
    const subscribed: EventLog = {
      ...logThat(log, async () => void outcome.appends++),
      subscribe: async (options) => {
        given.resolve(options);
        return {
          stopped: new Promise(() => undefined),
          trouble: () => undefined,
          close: async () => lost.abort(),
          [Symbol.asyncDispose]: async () => lost.abort(),
        };
      },
    };
    const writer = await startWriter({ log: subscribed, store });
    const { onBatch } = await given.promise;
    await pipeline.append(device('a'), [reading(0), reading(1, POISON_AGE_MS)]);
    const records = await Array.fromAsync(log.read(pipeline.topics.telemetry));
    const handled = onBatch({ topic: pipeline.topics.telemetry, partition: 0, records }, lost.signal).finally(
      () => {
        outcome.settled = true;
      },
    );
    return { lost, handled, outcome, writer };
  }

  test('[P2] ends its batch before letters are written for it', async () => {
    const writing = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<WriteOutcome>();
    const { lost, handled, outcome, writer } = await played(
      storeThat(store, () => {
        writing.resolve();
        return answered.promise;
      }),
    );
    await writing.promise;
    lost.abort();
    answered.resolve({ kind: 'written', rejected: [{ index: 1, reason: 'refused' }] });
    await handled;
    expect(outcome.appends).toBe(0);
    expect(writer.accounting().consumed).toBe(0);
  });

  test('[P2] an abandoned batch is neither done nor failed until its signal fires', async () => {
    const away: WriteOutcome = { kind: 'retry', cause: 'unreachable', detail: '' };
    const { lost, handled, outcome, writer } = await played(storeThat(store, async () => away));
    await eventually(() => expect(writer.health().storeTrouble).toBeDefined());
    const settledAtClose = new Promise<boolean>((resolve) =>
      lost.signal.addEventListener('abort', () => resolve(outcome.settled)),
    );
    await writer.stop();
    expect(await settledAtClose).toBe(false);
    await handled;
  });
});

test('[P7] a consumer that cannot go on fails the writer', async () => {
  const stopped = Promise.withResolvers<void>();
  const writer = await startWriter({
    log: {
      ...logThat(log, async () => undefined),
      subscribe: async () => ({
        stopped: stopped.promise,
        trouble: () => 'stopped',
        close: async () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      }),
    },
  });
  stopped.reject(new PipelineError('consumer-stopped', 'crashed'));
  await expect(writer.failed).rejects.toMatchObject({ code: 'consumer-stopped' });
});
