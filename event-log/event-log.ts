import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import type { PipelineError } from '#runtime/errors.ts';

/**
 * The durable buffer between devices and store. Two drivers keep the same promises (`event-log.suite.ts` is run
 * against both): `kafka/` for a cluster, `embedded/` (SQLite) for one machine.
 */
export interface EventLog extends AsyncDisposable {
  /**
   * Resolves when the record is durable (Kafka: `acks=all` confirmed for its own partition; SQLite: committed with
   * `synchronous=FULL`). Calls made while an append of the same partition is in flight form its next batch, so batches
   * grow with load; a driver may gather what follows closely for a few milliseconds, but not the first after a pause. Order per key is the order of the calls, retries included; a
   * partition that cannot be written does not hold up the others. The caller bounds how much it has outstanding.
   * The value is copied before the call returns: it may be a view on memory that is used again.
   *
   * @param deadlineAt on the clock of `performance.now()`; retried until then.
   * @throws PipelineError `not-durable` after the deadline: the record may or may not be in the log.
   * @throws PipelineError `refused` as soon as it is known that the log will never take this record: nothing of it is
   *   in the log, and trying again is no use. Its `bytes` are the value.
   * @throws PipelineError `closed`
   */
  append(record: AppendRecord, deadlineAt: number): Promise<RecordPosition>;

  /**
   * The same for those who append a hundred thousand records a second: `caller` is told what `append` would resolve or reject
   * with. What waits is one small object a record; promises and their functions were most of what a gateway's collector had to do.
   */
  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void;

  /**
   * Delivers batches of one partition each, in order, at least once, to a member of `group`. A group that never
   * committed starts at the oldest record. Returns as soon as the subscription is set up to (re)connect by itself.
   */
  subscribe(options: SubscribeOptions): Promise<Subscription>;

  /**
   * Records of a topic outside any group, partition by partition, up to the end as it was when reading began.
   * Readable beside the process that owns the log.
   */
  read(topic: string, options?: ReadOptions): AsyncIterable<LogRecord>;

  /** Where each partition of `topic` begins and ends and how far `group` came. @throws PipelineError `event-log-unavailable` */
  progress(topic: string, group: string): Promise<readonly PartitionProgress[]>;

  /**
   * By partition, the offset of the first record that the log took at `timeMs` or later (by its own clock, milliseconds
   * since the epoch); the end, where there is none. @throws PipelineError `event-log-unavailable`
   */
  offsetsAt(topic: string, timeMs: number): Promise<ReadonlyMap<number, number>>;

  /** Who consumes `topic` as `group` right now. @throws PipelineError `event-log-unavailable` */
  members(topic: string, group: string): Promise<readonly GroupMember[]>;

  /**
   * Moves a group that nobody is a member of: it will read these offsets next. Partitions that are not named stay.
   * @throws PipelineError `event-log-unavailable`, reason `group-in-use`: it has members, and nothing was moved
   */
  setOffsets(topic: string, group: string, offsets: ReadonlyMap<number, number>): Promise<void>;

  /**
   * Creates missing topics and verifies existing ones.
   * @throws PipelineError `configuration` when an existing topic contradicts a promise (says which setting, and both values)
   * @throws PipelineError `event-log-unavailable` (retryable) when the log cannot be asked now
   */
  ensureTopics(topics: readonly TopicSettings[]): Promise<void>;

  /**
   * By topic, how it contradicts a promise as it is now: a sentence for each, for people, with the setting and both values;
   * none = it does not. Judges as `ensureTopics` does, also that a topic is not there, and changes nothing. Empty where nobody
   * but the pipeline can change topics.
   * @throws PipelineError `configuration`: it may not be asked; `event-log-unavailable`
   */
  topicContradictions(topics: readonly TopicSettings[]): Promise<ReadonlyMap<string, readonly string[]>>;

  /** Held by one process at a time, over all processes of this log; `undefined` when another one has it. Let go by disposing, or by death. */
  acquireLock(name: string, options?: LockOptions): Promise<AsyncDisposable | undefined>;

  /** What is known right now, without asking: for readiness. */
  health(): EventLogHealth;

  /** Awaits appends in flight (until their deadlines), stops subscriptions without committing unfinished batches. */
  close(): Promise<void>;
}

/** Told once what became of a record, which may be before `appendFor` returns. Must not throw. */
export interface AppendCaller {
  durable(partition: number, offset: number): void;
  failed(error: PipelineError): void;
}

export interface LockOptions {
  /** A holder that is done within this is waited for; a driver whose single try lasts as long anyway tries once. Default 0. */
  readonly patienceMs?: number;
  /** Told, for people, who holds it, where the log knows. */
  readonly onHeld?: (holder: string) => void;
}

export interface SubscribeOptions {
  readonly topic: string;
  readonly group: string;
  /** At most this many records in a batch. */
  readonly maxBatchRecords: number;
  /** At most this many bytes of values in a batch (a single larger record still comes alone). */
  readonly maxBatchBytes: number;
  /**
   * Must resolve only when every record of the batch is done with; then the batch is committed, contiguously. It may
   * take as long as it needs. When it rejects, the same records come again after a back-off. When `signal` fires
   * (partition lost, subscription closing) it should stop; whatever it returns, its batch is discarded uncommitted.
   * Batches of different partitions may be handled at the same time.
   */
  readonly onBatch: (batch: DeliveredBatch, signal: AbortSignal) => Promise<void>;
  /**
   * A batch that a log read ahead: `onBatch` gets it, the same object, after the ones that were fetched before it, unless
   * `signal` fires first. For work that needs no order and may be in vain, while the handler waits for something else.
   * Must not throw. Not every log tells.
   */
  readonly onFetched?: (batch: DeliveredBatch, signal: AbortSignal) => void;
  /** The batch of `onBatch` was committed. Called once per batch, before the next one of that partition. */
  readonly onCommitted?: (batch: DeliveredBatch) => void;
  /** The partitions that this member has from now on, none included: once per time that they are shared out anew. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
}

/** What a handler gets at once. (A *record batch* is what a log stores together, as Kafka calls it.) */
export interface DeliveredBatch {
  readonly topic: string;
  readonly partition: number;
  /** Never empty, in offset order. */
  readonly records: readonly LogRecord[];
}

export interface Subscription extends AsyncDisposable {
  /** Rejects with `consumer-stopped` when the consumer cannot go on by itself; pending otherwise, resolves after `close()`. */
  readonly stopped: Promise<void>;
  /**
   * For people: why it does not consume right now (not connected, refused, joining), and on a cluster where; `undefined`
   * when it does.
   */
  trouble(): string | undefined;
  close(): Promise<void>;
}

export interface ReadOptions {
  /** First offset per partition; partitions that are not named are left out. Default: every partition from its oldest record. */
  readonly from?: ReadonlyMap<number, number>;
  readonly signal?: AbortSignal;
}

/** A process that consumes as a member of a group. */
export interface GroupMember {
  /** What it calls itself, with whatever tells it from others of that name. */
  readonly id: string;
  /** Where it runs, as the log sees it. */
  readonly host: string;
  /** Of the topic that was asked about; empty = the others have them all. */
  readonly partitions: readonly number[];
}

/** Reason of the error of `EventLog.setOffsets` while somebody consumes. */
export const GROUP_IN_USE = 'group-in-use';

export interface PartitionProgress {
  readonly partition: number;
  /** Offset of the oldest record that is still there. */
  readonly oldestOffset: number;
  /** Offset behind the last record that may be read; the next one gets it, where nothing is held back. */
  readonly endOffset: number;
  /**
   * Durable records from `endOffset` on: nobody may read them before a transaction that stands there is over. Only of a log
   * that others write to in transactions.
   */
  readonly heldBack?: number;
  /** Offset that the group will read next; -1 = it never committed. */
  readonly committedOffset: number;
  /**
   * Records behind the committed offset that a consumer could still read. What has an offset and is never delivered
   * (control records, aborted transactions, what was removed) is no backlog; of a very long one, what is far away may
   * count by its offsets until a later look.
   */
  readonly backlog: number;
  /** Log timestamp of the oldest record of the backlog; `null` when there is none. */
  readonly backlogSince: number | null;
  /** Of a topic with a share. */
  readonly share?: ShareProgress;
  /** How long the topic keeps its records, where somebody may have changed that meanwhile and it was seen. */
  readonly retentionMs?: number;
}

export interface ShareProgress {
  /** How full it is, or what its fullest key may have of it; 1 = full. */
  readonly used: number;
  /** It is nearly full as a whole: records of every key should make room. */
  readonly isCrowded: boolean;
  /** Keys that have nearly all that one key may have. */
  readonly crowdedKeys: ReadonlySet<string>;
}

export interface TopicSettings {
  readonly name: string;
  /** `delete` removes old records after `retentionMs`; `compact` keeps the last record of each key. */
  readonly cleanup: 'delete' | 'compact';
  /** Only for `delete`. */
  readonly retentionMs: number;
  /** The largest record that is ever appended, with everything that belongs to it. Default: not known, not verified. */
  readonly maxRecordBytes?: number;
  /** Only for `delete`. The embedded log, whose topics share one file, keeps it; Kafka has settings of its own for that. */
  readonly share?: TopicShare;
}

/**
 * What a topic may take of a log that others share, so that bad readings cannot keep good ones out. When the share, or
 * what one key may have of it, is full, records that were settled go before their time, oldest first; when none is
 * left, further records are refused (of that key only, where the key is the cause).
 */
export interface TopicShare {
  /** Of the whole log, 0 to 1. */
  readonly ofLog: number;
  /** Of the share, 0 to 1, for all records of one key. */
  readonly perKey: number;
  /** The topic that keeps what became of the records (`contract/letter-state.ts`). */
  readonly settledIn: string;
}

export interface EventLogHealth {
  /**
   * It was seen that the log can be written: the last append was confirmed, or a probe proved as much as one would. From
   * the first failure on it is down until the next success; that nobody tries is no success. With several partitions (and
   * topics): at least one partition of each.
   */
  readonly up: boolean;
  /** For people, when not up: what fails, and on a cluster where (the broker and its address). */
  readonly detail: string;
  /** For people: what is wrong with the machine's clock, as far as the log sees it; `undefined` when nothing is. */
  readonly clockTrouble?: string | undefined;
  /** For people: which topics' shares are filling up. */
  readonly shareTrouble?: string | undefined;
  /** For people: a record that the log refused for good a short while ago. It takes others. */
  readonly refusalTrouble?: string | undefined;
  /** For people: what became of the log's file, which was damaged. */
  readonly fileTrouble?: string | undefined;
}
