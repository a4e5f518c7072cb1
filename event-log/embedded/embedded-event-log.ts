import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import type {
  AppendCaller,
  EventLog,
  EventLogHealth,
  GroupMember,
  LockOptions,
  PartitionProgress,
  ReadOptions,
  SubscribeOptions,
  Subscription,
  TopicSettings,
} from '#event-log/event-log.ts';
import { logClosed, promisedAppend } from '#event-log/pending-append.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { holdFileLock } from '#runtime/file-lock.ts';
import { ChangeSignal } from './change-signal.ts';
import { GroupCommit } from './group-commit.ts';
import { becomeOnlyMember, membersOf } from './group-membership.ts';
import type { LogPaths } from './log-file.ts';
import { LogRetention, type LogRetentionOptions } from './log-retention.ts';
import { LogSubscription } from './log-subscription.ts';
import type { LogThreadEvent } from './log-thread-calls.ts';
import { LogThreads } from './log-threads.ts';
import { readTopic } from './read-topic.ts';
import { takeWithPatience } from './take-with-patience.ts';
import type { EmbeddedLogTelemetry } from './telemetry.ts';

export interface EmbeddedEventLogSettings extends LogRetentionOptions {
  readonly role: 'owner' | 'beside';
  readonly paths: LogPaths;
  readonly changePollMs: number;
}

/**
 * The event log in one SQLite file. This object only connects its parts:
 *
 *     append, commits ─▶ GroupCommit ─▶ writer thread (LogWriter) ─▶ file
 *     LogSubscription, read, progress ◀─ reader thread (LogReader) ◀─ file
 *     LogRetention (owner only) ─▶ writer thread
 *
 * Every topic has one partition, number 0. Partitions let several consumers share a topic and several disks its writing;
 * here one process consumes and one file is written, one transaction at a time: more would only make batches smaller.
 *
 * Open → closing (nothing new is accepted, appends are tried until their deadlines, subscriptions stop) → closed. When
 * a thread dies, the log stays open but every call fails and the subscriptions stop: the process must be restarted.
 */
export class EmbeddedEventLog implements EventLog {
  readonly #settings: EmbeddedEventLogSettings;
  readonly #deps: Deps;
  readonly #telemetry: EmbeddedLogTelemetry;
  readonly #ownership: Disposable | undefined;
  readonly #threads: LogThreads;
  readonly #groupCommit: GroupCommit;
  readonly #retention: LogRetention | undefined;
  readonly #changes = new ChangeSignal();
  readonly #subscriptions = new Map<LogSubscription, { readonly topic: string; readonly group: string }>();
  readonly #locks = new Set<Disposable>();
  /** As this process set them up. */
  readonly #topics = new Map<string, TopicSettings>();
  /** Those with a share of the log. */
  readonly #sharedTopics = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(
    settings: EmbeddedEventLogSettings,
    parts: { readonly ownership: Disposable | undefined; readonly telemetry: EmbeddedLogTelemetry },
    deps: Deps,
  ) {
    this.#settings = settings;
    this.#deps = deps;
    this.#telemetry = parts.telemetry;
    this.#ownership = parts.ownership;
    const { role, paths, changePollMs, maxBytes } = settings;
    this.#threads = new LogThreads(
      { file: paths.file, changePollMs, ownersMaxBytes: role === 'owner' ? maxBytes : undefined },
      { onEvent: (event) => this.#onEvent(event), onDeath: () => this.#changes.raise() },
    );
    this.#groupCommit = new GroupCommit(
      {
        commit: (request, transfer) => this.#threads.write('commit', request, transfer),
        onAppended: (usedBytes) => {
          this.#changes.raise();
          this.#retention?.onGrown(usedBytes);
        },
        seenMs: () => this.#retention?.seenMs,
        hasKeyLanes: (topic) => this.#sharedTopics.has(topic),
        telemetry: parts.telemetry,
      },
      deps,
    );
    if (role === 'owner') this.#retention = this.#startRetention();
    this.#threads.open();
    if (role === 'owner') this.#groupCommit.prove();
  }

  append(record: AppendRecord, deadlineAt: number): Promise<RecordPosition> {
    return promisedAppend((caller) => this.appendFor(record, deadlineAt, caller));
  }

  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void {
    this.#groupCommit.appendFor(record, deadlineAt, caller);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    this.#assertOpen();
    const { topic, group } = options;
    const subscription = new LogSubscription(
      options,
      {
        enterGroup: () => holdFileLock(this.#membershipLock(topic, group)),
        joinGroup: (request) => this.#threads.write('joinGroup', request),
        committedOffset: async () => (await this.#threads.read('progress', { topic, group })).committedOffset,
        fetch: (request) => this.#threads.read('fetch', request),
        commitOffset: (offset) => this.#groupCommit.commitOffset(offset),
        changes: this.#changes,
        file: this.#settings.paths.file,
        telemetry: this.#telemetry,
      },
      this.#deps,
    );
    this.#subscriptions.set(subscription, { topic, group });
    void subscription.stopped.catch(() => undefined).then(() => this.#subscriptions.delete(subscription));
    return subscription;
  }

  async *read(topic: string, options: ReadOptions = {}): AsyncGenerator<LogRecord> {
    this.#assertOpen();
    yield* readTopic(
      topic,
      options,
      (request) => this.#threads.read('fetch', request),
      this.#settings.paths.file,
    );
  }

  async progress(topic: string, group: string): Promise<readonly PartitionProgress[]> {
    this.#assertOpen();
    return [await this.#threads.read('progress', { topic, group })];
  }

  async offsetsAt(topic: string, timeMs: number): Promise<ReadonlyMap<number, number>> {
    this.#assertOpen();
    return new Map([[0, await this.#threads.read('offsetAt', { topic, timeMs })]]);
  }

  async members(topic: string, group: string): Promise<readonly GroupMember[]> {
    this.#assertOpen();
    return membersOf(this.#membershipLock(topic, group));
  }

  async setOffsets(topic: string, group: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    this.#assertOpen();
    using _membership = becomeOnlyMember(this.#membershipLock(topic, group), group);
    const offset = offsets.get(0);
    if (offset !== undefined) await this.#groupCommit.commitOffset({ topic, group, offset });
  }

  async ensureTopics(topics: readonly TopicSettings[]): Promise<void> {
    this.#assertOpen();
    const ensured = await this.#threads.write('ensureTopics', topics);
    for (const topic of topics) this.#topics.set(topic.name, topic);
    for (const [index, { name, created, cleanup }] of ensured.entries()) {
      const wanted = topics[index];
      if (wanted === undefined) continue;
      if (cleanup !== wanted.cleanup) {
        throw new PipelineError(
          'configuration',
          `the topic ${name} has cleanup "${cleanup}", but must have "${wanted.cleanup}"`,
        );
      }
      if (created) this.#telemetry.topicCreated(name, { cleanup, retentionMs: wanted.retentionMs });
      if (cleanup === 'delete') this.#telemetry.retentionKnown(name, wanted.retentionMs / 1000);
      if (wanted.share !== undefined) this.#sharedTopics.add(name);
    }
  }

  /** Its file has one owner, who verified them. */
  async topicContradictions(): Promise<ReadonlyMap<string, readonly string[]>> {
    return new Map();
  }

  async acquireLock(name: string, options: LockOptions = {}): Promise<AsyncDisposable | undefined> {
    const lock = await takeWithPatience(options.patienceMs ?? 0, () => {
      this.#assertOpen();
      return holdFileLock(this.#settings.paths.lock(`lock ${name}`));
    });
    if (lock === undefined) return undefined;
    this.#locks.add(lock);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#locks.delete(lock);
        lock[Symbol.dispose]();
      },
    };
  }

  health(): EventLogHealth {
    const { death } = this.#threads;
    if (death !== undefined) return { up: false, detail: death.message };
    const fileTrouble = this.#telemetry.fileTrouble();
    return { ...this.#groupCommit.health, ...this.#retention?.troubles, ...(fileTrouble && { fileTrouble }) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all(Array.from(this.#subscriptions.keys(), (subscription) => subscription.close()));
    await Promise.all([this.#groupCommit.drained(), this.#retention?.stop()]);
    for (const lock of this.#locks) lock[Symbol.dispose]();
    await this.#threads.close();
    this.#ownership?.[Symbol.dispose]();
    this.#telemetry.closed();
  }

  #startRetention(): LogRetention {
    return new LogRetention(
      this.#settings,
      {
        removeOld: (request) => this.#threads.write('removeOld', request),
        measure: (request) => this.#threads.read('measure', request),
        keepTime: (state) => this.#threads.write('keepTime', state),
        activeGroups: () => Array.from(this.#subscriptions.values()),
        telemetry: this.#telemetry,
      },
      this.#deps,
    );
  }

  #onEvent(event: LogThreadEvent): void {
    this.#telemetry.fileChanged(event);
    if (event.kind === 'displaced') this.#groupCommit.displaced(event.detail);
    if (event.kind === 'mended') {
      // Nothing may be left of them in the file. Appends are tried again until they are there.
      this.#threads.write('ensureTopics', [...this.#topics.values()]).catch(() => undefined);
    }
    this.#changes.raise();
  }

  #membershipLock(topic: string, group: string): string {
    return this.#settings.paths.lock(`group ${topic} ${group}`);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw logClosed();
  }
}
