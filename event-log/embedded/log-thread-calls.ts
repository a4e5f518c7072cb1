import type { PartitionProgress, TopicSettings } from '#event-log/event-log.ts';
import type { AppendFailureCause } from '#event-log/telemetry.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import type { DisplacementEvent } from '#sqlite/displacement-watch.ts';
import type { BatchChunk } from './chunk-cursor.ts';
import type { MendedLog } from './mend-log.ts';

/** Handed to a thread when it starts. */
export interface LogThreadOptions {
  readonly role: 'writer' | 'reader';
  readonly file: string;
  /** How often the reader looks whether another process changed the file. Milliseconds. */
  readonly changePollMs: number;
  /**
   * Of the owner, who alone may make a damaged file anew, and stays with its file whatever stands at the path: the limit,
   * for a file that has lost its own.
   */
  readonly ownersMaxBytes: number | undefined;
}

/** What the threads say unasked. */
export type LogThreadEvent =
  /** The file changed, by whomever. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'mended'; readonly mended: MendedLog }
  | { readonly kind: 'not-mended'; readonly detail: string }
  | DisplacementEvent;

/** What the writer thread does. One call is one transaction at most; calls are served one after the other. */
export interface WriterCalls {
  commit(request: CommitRequest): CommitResult;
  ensureTopics(topics: readonly TopicSettings[]): readonly EnsuredTopic[];
  /** From now on retention waits for the group. */
  joinGroup(request: GroupRequest): void;
  removeOld(request: RemovalRequest): RemovalResult;
  /** Keeps what was seen of time: records appended from now on are that old. */
  keepTime(state: SeenTimeState): void;
  /** The reader found the file damaged: it is made anew, unless that was done a moment ago. */
  mend(damage: string): void;
}

/** What the reader thread does, on a connection of its own, so that slow reading from disk delays no append. */
export interface ReaderCalls {
  fetch(request: FetchRequest): FetchResult;
  progress(request: { readonly topic: string; readonly group: string }): PartitionProgress;
  /** Of the first record that is not older; the end, where there is none. */
  offsetAt(request: { readonly topic: string; readonly timeMs: number }): number;
  measure(request: Pick<RemovalRequest, 'groupsSince'>): LogMeasurement;
  /** The owner has made the file anew. */
  reopen(): void;
}

/** Records of one topic that become durable together, and one row of the file (compacted topics: a row each). */
export interface Segment {
  readonly topic: string;
  readonly records: number;
  readonly timestamp: number;
  /** See `AppendRecord.owed`. */
  readonly owed: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface OffsetCommit {
  readonly topic: string;
  readonly group: string;
  /** The group will read this offset next. */
  readonly offset: number;
}

/** Why something could not be written. */
export interface CommitFailure {
  readonly cause: AppendFailureCause;
  readonly detail: string;
}

/** Records and committed offsets that share one transaction, and so one fsync. */
export interface CommitRequest {
  readonly segments: readonly Segment[];
  readonly offsets: readonly OffsetCommit[];
  /** Time seen to pass, by which records are as old as they are; `null`: as the file has it. */
  readonly seenMs: number | null;
  /** Write so much that is not kept, to see whether writing works again. 0: nothing. */
  readonly probeBytes: number;
}

export interface CommitResult {
  /** By index of the segments. */
  readonly segments: readonly SegmentResult[];
  /** Why the offsets are not committed; undefined when they are. */
  readonly offsetsFailure: CommitFailure | undefined;
  /** Why nothing could be written, topics that do not exist apart. */
  readonly failure: CommitFailure | undefined;
  readonly usedBytes: number;
}

export type SegmentResult =
  | { readonly kind: 'durable'; readonly baseOffset: number }
  /** Nothing of it was written. The payload comes back for the next attempt. */
  | { readonly kind: 'refused'; readonly failure: CommitFailure; readonly payload: Uint8Array<ArrayBuffer> };

export interface EnsuredTopic {
  readonly name: string;
  readonly created: boolean;
  /** Of the topic as it is in the file. */
  readonly cleanup: TopicSettings['cleanup'];
}

export interface GroupRequest {
  readonly topic: string;
  readonly group: string;
}

export interface RemovalRequest {
  /** Time seen to pass. */
  readonly seenMs: number;
  /** Groups with a subscription right now. */
  readonly activeGroups: readonly GroupRequest[];
  /** Retention waits for groups that subscribed or were active since then, in time seen to pass. */
  readonly groupsSince: number;
}

export interface RemovalResult {
  readonly topics: readonly {
    readonly topic: string;
    readonly removedRecords: number;
    /** Removed before their retention time because space is short (they were consumed, or are settled). */
    readonly forSpace: boolean;
  }[];
  /** There is more to remove or to give back. */
  readonly more: boolean;
  readonly usedBytes: number;
}

export interface FetchRequest {
  readonly topic: string;
  readonly fromOffset: number;
  readonly maxBytes: number;
}

export interface FetchResult extends BatchChunk {
  /** Where to fetch next. Beyond the last record of the chunk when nothing (more) is there up to the end. */
  readonly nextOffset: number;
  readonly oldestOffset: number;
  readonly endOffset: number;
}

export interface LogMeasurement {
  readonly usedBytes: number;
  /** Size of the write-ahead log, which is not part of `usedBytes`. */
  readonly walBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly retentionMs: number;
    readonly cleanup: TopicSettings['cleanup'];
    /** In time seen to pass; `null` when the topic is empty. */
    readonly oldestSeenMs: number | null;
    readonly records: number;
    /** Of these, what the slowest known group has not consumed; all of them when no group is known. */
    readonly heldRecords: number;
    /** The known group that is furthest behind. */
    readonly slowestGroup: string | null;
    /** Of a topic with a share of the log. */
    readonly share: ShareUse | null;
  }[];
}

/** How much of its share a topic uses, and the key that uses most of what one key may. Bytes. */
export interface ShareUse {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly fullestKey: string | null;
  readonly fullestKeyBytes: number;
  readonly maxKeyBytes: number;
}
