/** Record headers. Written as UTF-8; header bytes of foreign records are decoded with replacement characters. */
export type RecordHeaders = Readonly<Record<string, string>>;

/** A record to be appended to the event log. The partition follows from the key. */
export interface AppendRecord {
  readonly topic: string;
  readonly key: string;
  /** `null` removes the key from a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers: RecordHeaders;
  /**
   * Takes the place of a record that was acknowledged already: it may exceed the share of its topic, since refusing it
   * would hold up everything behind that record.
   */
  readonly owed?: true;
}

/** Where a record stands in the log, once it is durable. */
export interface RecordPosition {
  readonly partition: number;
  readonly offset: number;
}

/** A record as it was read. Key and value can be anything: other programs may write to the topic, too. */
export interface LogRecord extends RecordPosition {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
  /** Milliseconds since the epoch, set by the log when it appended the record. */
  readonly timestamp: number;
  /**
   * Why this is no record: the log holds something in this place that it cannot read. `value` is what stands there, as
   * far as it does and fits; the key is null, and there are no headers.
   */
  readonly damage?: string;
  /** How many records stood in this place, of which the first had this offset; missing = one. */
  readonly damagedRecords?: number;
}

/** The three topics of the pipeline; the names come from the settings. */
export interface TopicNames {
  readonly telemetry: string;
  readonly deadLetters: string;
  readonly deadLetterState: string;
}
