import { LIMITS } from '#contract/limits.ts';
import type { FieldValue } from '#contract/reading.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { MalformedChoice, type MalformedKind, type MessageBounds } from './malformed-kinds.ts';
import type { RandomStream } from './random-stream.ts';
import { digestOf, ReadingSource } from './reading-source.ts';

export interface ScriptOptions {
  readonly schema: ReadingSchema;
  /** Readings in a message. */
  readonly batch: number;
  /** Share of readings, 0–1. */
  readonly malformed: number;
  /** Share of messages, 0–1. */
  readonly late: number;
  readonly duplicate: number;
  /** Milliseconds since the epoch; every `ts` but those of late readings lies after it. */
  readonly startedAt: number;
  /** Of the gateway; default: those that nobody has set. */
  readonly limits?: MessageBounds | undefined;
}

/** What a device sends in one MQTT publish. */
export interface Message {
  readonly payload: Buffer;
  /** In the order of their `seq`, which is without gaps. */
  readonly readings: readonly [SentReading, ...SentReading[]];
  /** Why those that are malformed should be refused, in their order. */
  readonly rejected: readonly RejectReason[];
  /** To be published a second time. */
  readonly duplicate: boolean;
}

export interface SentReading {
  readonly seq: number;
  readonly ts: number;
  /** Expected as a dead letter; `digest` is that of its exact bytes, else that of its canonical form. */
  readonly malformed: boolean;
  readonly digest: Buffer;
}

/** How far late readings lie behind, as a part of the age that is accepted: enough is left for a long outage. */
const LATENESS = 0.8;

/**
 * Writes the messages of one device, one after the other. What they say follows from the random streams alone; only
 * `ts` comes from the clock.
 *
 * `ts` identifies a reading in the store, so no two of a device may share one. Each reading takes a millisecond of its
 * own, later than the one before and never later than now: a device measures at most once a millisecond, and neither
 * this run nor a later one of the same device can meet an identity again. Late readings are shifted back by a fixed
 * time, to before the run began; they rise strictly among themselves. When the run has lasted that long (days, with
 * the usual limit on age) no more of them are late.
 */
export class DeviceScript {
  readonly #options: ScriptOptions;
  readonly #limits: MessageBounds;
  readonly #source: ReadingSource;
  readonly #conduct: RandomStream;
  readonly #choice: MalformedChoice;
  readonly #latenessMs: number;
  /** Share of messages that are malformed as a whole, and of readings in the other messages. */
  readonly #spoilt: { readonly messages: number; readonly elements: number };
  #seq = 0;
  #lastMeasuredAt: number;
  #largestReading = 0;

  constructor(options: ScriptOptions, values: RandomStream, conduct: RandomStream) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#source = new ReadingSource(options.schema, values);
    this.#conduct = conduct;
    this.#choice = new MalformedChoice(options.schema, this.#limits);
    this.#latenessMs = Math.floor(options.schema.maxAgeMs * LATENESS);
    this.#spoilt = spoiltShares(options.malformed, this.#choice.messageShare, options.batch);
    this.#lastMeasuredAt = options.startedAt;
  }

  /** When the next message can be written at the earliest: its readings need a millisecond each. */
  get ready(): number {
    return this.#lastMeasuredAt + this.#options.batch;
  }

  /**
   * @param dueAt when the message should have been measured (a device that was away catches up with readings from then)
   * @param now milliseconds since the epoch, not before `ready`
   */
  next(dueAt: number, now: number): Message {
    const { batch, late, duplicate } = this.#options;
    const conduct = this.#conduct;
    const measuredAt = Math.min(now, Math.max(dueAt, this.ready));
    const isDuplicate = conduct.chance(duplicate);
    const isLate = conduct.chance(late);
    const spoiltWhole = conduct.chance(this.#spoilt.messages);
    const shift = isLate && measuredAt - this.#latenessMs < this.#options.startedAt ? this.#latenessMs : 0;

    if (spoiltWhole) {
      const kind = this.#choice.pick('message', conduct);
      const { reading, content } = this.#write(measuredAt - shift, kind);
      this.#lastMeasuredAt = measuredAt;
      const rejected = [kind.reason];
      return { payload: Buffer.from(content), readings: [reading], rejected, duplicate: isDuplicate };
    }
    const readings: SentReading[] = [];
    const texts: (string | Buffer)[] = [];
    const rejected: RejectReason[] = [];
    // A batch was measured evenly over the time since the one before, at most a second apart.
    const span = Math.min(measuredAt - this.#lastMeasuredAt, batch * 1000);
    let bytes = 0;
    for (let place = 1; place <= batch && !this.#isFull(bytes); place++) {
      const ts = measuredAt - span + Math.floor((place * span) / batch);
      const kind = conduct.chance(this.#spoilt.elements) ? this.#choice.pick('element', conduct) : undefined;
      const { reading, content } = this.#write(ts - shift, kind);
      readings.push(reading);
      if (kind !== undefined) rejected.push(kind.reason);
      texts.push(content);
      bytes += content.length + 1;
      this.#largestReading = Math.max(this.#largestReading, content.length);
    }
    this.#lastMeasuredAt = measuredAt;
    const payload = Buffer.from(batch === 1 ? String(texts[0]) : `[${texts.join(',')}]`);
    return {
      payload,
      readings: readings as [SentReading, ...SentReading[]],
      rejected,
      duplicate: isDuplicate,
    };
  }

  #write(ts: number, kind: MalformedKind | undefined): { reading: SentReading; content: string | Buffer } {
    const seq = this.#seq++;
    const values = this.#source.next();
    const { schema } = this.#options;
    const content =
      kind === undefined
        ? sound(schema.name, ts, seq, values)
        : kind.write({ schema, ts, seq, values, random: this.#conduct, limits: this.#limits });
    const reading = { seq, ts, malformed: kind !== undefined, digest: digestOf(content) };
    return { reading, content };
  }

  /** A batch stays below the size at which it would be refused as a whole, whatever the schema's readings measure. */
  #isFull(bytes: number): boolean {
    return bytes > 0 && bytes + 2 * this.#largestReading > this.#limits.payloadBytes;
  }
}

/** Already canonical (see `canonicalReading`): the source gives its values sorted. */
function sound(schema: string, ts: number, seq: number, values: Record<string, FieldValue>): string {
  return JSON.stringify({ schema, ts, seq, values });
}

/**
 * A message that is malformed as a whole holds one reading, the others hold `batch`: splits the share of malformed
 * *readings* so that it comes out right over both.
 */
function spoiltShares(
  malformed: number,
  messageShare: number,
  batch: number,
): { readonly messages: number; readonly elements: number } {
  const whole = malformed * messageShare;
  return {
    messages: (whole * batch) / (1 - whole + whole * batch),
    elements: (malformed - whole) / (1 - whole),
  };
}
