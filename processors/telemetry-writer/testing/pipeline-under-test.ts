import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import { type DeadLetter, decodeDeadLetter } from '#contract/dead-letter.ts';
import type { LogRecord, RecordPosition } from '#contract/log-record.ts';
import type { Reading } from '#contract/reading.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { encodeTelemetryRecord, type ReplayMark } from '#contract/telemetry-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import {
  startTelemetryWriter,
  type TelemetryWriter,
  type TelemetryWriterOptions,
} from '#processors/telemetry-writer/telemetry-writer.ts';
import type { Deps } from '#runtime/deps.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import type { Point, StoredReading, TelemetryStore, WriteOutcome } from '#telemetry-store/telemetry-store.ts';

const HOUR_MS = 3_600_000;
/** Short enough for tests; the growth of delays is tested without a clock. */
const QUICK = { retry: { firstDelayMs: 5, maxDelayMs: 20, jitter: 0 }, maxRequestedMs: 20, holdMs: 20 };

/** A log and a store, and what tests of the writer do with them; random topic and group names, so that a broker can be shared. */
export class PipelineUnderTest {
  readonly suffix = randomBytes(4).toString('hex');
  readonly topics = {
    telemetry: `telemetry-${this.suffix}`,
    deadLetters: `letters-${this.suffix}`,
    deadLetterState: `states-${this.suffix}`,
  };
  readonly group = `writer-${this.suffix}`;
  readonly log: EventLog;
  readonly store: TelemetryStore;
  readonly lines: { readonly level: string; readonly msg: string }[] = [];
  metrics = new Registry();

  constructor(log: EventLog, store: TelemetryStore) {
    this.log = log;
    this.store = store;
  }

  async createTopics(): Promise<this> {
    const retention = { telemetryRetentionMs: 168 * HOUR_MS, deadLetterRetentionMs: 720 * HOUR_MS };
    const topics = pipelineTopics({ topics: this.topics, ...retention });
    await ensureTopicsEventually(this.log, topics, Math.random, AbortSignal.timeout(30_000));
    return this;
  }

  /** `parts` replaces log or store by something that fails. */
  async startWriter(
    parts: {
      readonly log?: EventLog;
      readonly store?: TelemetryStore;
      readonly schemas?: SchemaRegistry;
    } = {},
    options: Partial<TelemetryWriterOptions> = {},
  ): Promise<TelemetryWriter> {
    this.metrics = new Registry();
    return startTelemetryWriter(
      {
        telemetryTopic: this.topics.telemetry,
        deadLetterTopic: this.topics.deadLetters,
        group: this.group,
        rejectAll: 'pause',
        delays: QUICK,
        ...options,
      },
      {
        ...depsWith(this.metrics, this.lines),
        eventLog: parts.log ?? this.log,
        store: parts.store ?? this.store,
        schemas: parts.schemas ?? loadSchemas(),
      },
    );
  }

  /** One message as a gateway appends it. A string is taken as it is. */
  append(
    deviceId: string,
    message: string | Reading | readonly Reading[],
    more: { readonly receivedAt?: number; readonly replay?: ReplayMark } = {},
  ): Promise<RecordPosition> {
    const value = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
    const record = encodeTelemetryRecord(this.topics.telemetry, {
      deviceId,
      value,
      readings: Array.isArray(message) ? message.length : 1,
      receivedAt: more.receivedAt ?? Date.now(),
      gateway: 'test',
      ...(more.replay && { replay: more.replay }),
    });
    return this.log.append(record, performance.now() + 60_000);
  }

  /** A record as any other program may write it. */
  appendForeign(
    key: string,
    value: Uint8Array | null,
    headers: Record<string, string> = {},
  ): Promise<RecordPosition> {
    return this.log.append({ topic: this.topics.telemetry, key, value, headers }, performance.now() + 60_000);
  }

  /** Records that the group has not committed. */
  async backlog(): Promise<number> {
    const partitions = await this.log.progress(this.topics.telemetry, this.group);
    return partitions.reduce((sum, p) => sum + p.backlog, 0);
  }

  async letters(): Promise<(DeadLetter & { readonly record: LogRecord })[]> {
    const records = await Array.fromAsync(this.log.read(this.topics.deadLetters));
    return records.map((record) => {
      const letter = decodeDeadLetter(record);
      if (letter === undefined) throw new Error('not a letter');
      return { ...letter, record };
    });
  }

  stored(...deviceIds: readonly string[]): Promise<StoredReading[]> {
    return Array.fromAsync(this.store.scan({ fromMs: 0, toMs: Date.now() + 100 * HOUR_MS, deviceIds }));
  }

  /** Value of one series, `Number.NaN` when there is none. */
  async metric(series: string): Promise<number> {
    const lines = (await this.metrics.metrics()).split('\n');
    const line = lines.find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
  }
}

export function depsWith(metrics: Registry, lines: { level: string; msg: string }[] = []): Deps {
  const log = createLogger(
    { name: 'test', level: 'debug' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { log, metrics, now: Date.now, random: Math.random };
}

/** A reading of the type `environment`, `ageMs` old. */
export function reading(seq: number, ageMs = 0, values: Reading['values'] = {}): Reading {
  return {
    schema: 'environment/1',
    ts: Date.now() - 60_000 - ageMs + seq,
    seq,
    values: { temperature: 20 + (seq % 10) / 10, humidity: 40, ...values },
  };
}

/** A store whose answers a test can replace; `undefined` lets the real one answer. */
export function storeThat(
  store: TelemetryStore,
  answer: (points: readonly Point[], signal: AbortSignal | undefined) => Promise<WriteOutcome | undefined>,
): TelemetryStore {
  return {
    write: async (points, signal) => (await answer(points, signal)) ?? store.write(points, signal),
    latest: (deviceId, limit) => store.latest(deviceId, limit),
    scan: (range) => store.scan(range),
    fields: () => store.fields(),
    trouble: () => store.trouble(),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** A log whose appends a test can let fail. */
export function logThat(log: EventLog, beforeAppend: () => Promise<void>): EventLog {
  return {
    append: async (record, deadlineAt) => {
      await beforeAppend();
      return log.append(record, deadlineAt);
    },
    appendFor: (...append) => log.appendFor(...append),
    subscribe: (options) => log.subscribe(options),
    read: (topic, options) => log.read(topic, options),
    progress: (topic, group) => log.progress(topic, group),
    offsetsAt: (topic, timeMs) => log.offsetsAt(topic, timeMs),
    members: (topic, group) => log.members(topic, group),
    setOffsets: (topic, group, offsets) => log.setOffsets(topic, group, offsets),
    ensureTopics: (topics) => log.ensureTopics(topics),
    topicContradictions: (topics) => log.topicContradictions(topics),
    acquireLock: (...lock) => log.acquireLock(...lock),
    health: () => log.health(),
    close: () => log.close(),
    [Symbol.asyncDispose]: () => log.close(),
  };
}
