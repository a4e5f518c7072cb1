import type { FieldKind, FieldValue, Reading } from '#contract/reading.ts';

/**
 * Where readings end. Two drivers keep the same promises (`telemetry-store.suite.ts` is run against both):
 * `influxdb/` and `embedded/` (SQLite). A point is identified by (measurement, device, timestamp); writing the same
 * identity again merges its fields, the last value of a field wins (P3).
 */
export interface TelemetryStore extends AsyncDisposable {
  /**
   * Writes all points that the store accepts. Never throws for the store's answers or its absence; `signal` abandons
   * the write (outcome `retry`, cause `aborted`; the points may or may not be stored).
   */
  write(points: readonly Point[], signal?: AbortSignal): Promise<WriteOutcome>;

  /** Readings of one device over all types, newest first, at most `limit`. @throws PipelineError `store-unavailable`, `closed` */
  latest(deviceId: string, limit: number): Promise<readonly Reading[]>;

  /** Every reading with `fromMs` <= ts < `toMs`, in no promised order, streamed: for verification. @throws PipelineError `store-unavailable`, `closed` */
  scan(range: ScanRange): AsyncIterable<StoredReading>;

  /** The fields that it holds, each in its kind: what a schema must agree with. @throws PipelineError `store-unavailable`, `closed` */
  fields(): Promise<readonly StoredField[]>;

  /**
   * Asks the store, without writing anything, why it would not take a write now: for people. `undefined` = nothing speaks against
   * it. What only a write finds out it cannot tell: a disk or a bucket that is full, a disk that became read-only (SQLite touches
   * no file before it commits). Answers within seconds, also when the store does not.
   */
  trouble(): Promise<string | undefined>;

  close(): Promise<void>;
}

export interface StoredField {
  readonly measurement: string;
  readonly name: string;
  readonly kind: FieldKind;
}

export interface ScanRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Missing = every device. */
  readonly deviceIds?: readonly string[];
}

export interface Point {
  /** The `<type>` of the schema name, unless a mapping calls it otherwise. */
  readonly measurement: string;
  readonly deviceId: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** What the operator says of the device; by name, each once. Missing = nothing. */
  readonly tags?: readonly Tag[] | undefined;
  /** Never empty; each name once. */
  readonly fields: readonly PointField[];
}

/**
 * A word to choose points by. Not part of what identifies a point for us, but of the series that InfluxDB keeps it in: the same
 * point written with other tags is there twice, and read once.
 */
export type Tag = readonly [name: string, value: string];

export interface PointField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly value: FieldValue;
}

export interface StoredReading extends Reading {
  readonly deviceId: string;
}

export type WriteOutcome =
  /** The store is done with the batch: every point is stored, except those in `rejected`, refused for good. */
  | { readonly kind: 'written'; readonly rejected: readonly RejectedPoint[] }
  /** Not now. Writing the whole batch again is safe. */
  | {
      readonly kind: 'retry';
      readonly cause: RetryCause;
      readonly detail: string;
      /** How long the store asked to wait, when it did. */
      readonly afterMs?: number;
    }
  /** Nothing will be accepted until a person changes something (token, bucket, organisation, address). Data must be kept. */
  | { readonly kind: 'misconfigured'; readonly detail: string };

export interface RejectedPoint {
  /** Position in the batch that was given to `write`. */
  readonly index: number;
  /** The store's own words. */
  readonly reason: string;
}

export const RETRY_CAUSES = [
  'unreachable',
  'timeout',
  'overloaded',
  'server-error',
  'storage-full',
  'aborted',
] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];
