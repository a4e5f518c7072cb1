import type { Reading } from '#contract/reading.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { isLoopback } from '#runtime/loopback.ts';
import { createTelemetryStoreTelemetry, type TelemetryStoreTelemetry } from '#telemetry-store/telemetry.ts';
import type {
  Point,
  ScanRange,
  StoredField,
  StoredReading,
  TelemetryStore,
  WriteOutcome,
} from '#telemetry-store/telemetry-store.ts';
import { compressed, type InfluxConnection, noAnswer, postToInflux } from './influx-http.ts';
import { fieldsOf, type ReadingsQuery, readingsOf } from './influxql.ts';
import { linesOfPoints } from './line-protocol.ts';
import { judgeAnswer, type Verdict } from './write-answer.ts';
import { writeInParts } from './write-in-parts.ts';

export interface InfluxTelemetryStoreOptions {
  readonly url: string;
  /** Write permission on the bucket is enough for `write` and `trouble`; `latest` and `scan` need read permission. */
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
  /** Longest wait for an answer to one request; default 15 s, beyond the 10 s after which InfluxDB itself gives a write up. */
  readonly requestTimeoutMs?: number;
  /** Default: unless the server is on this machine, where it costs a tenth of the writer's CPU time and saves nothing. */
  readonly compress?: boolean;
}

const REQUEST_TIMEOUT_MS = 15_000;
const TROUBLE_TIMEOUT_MS = 3_000;
const COMPRESS_ABOVE_BYTES = 1_000;
const DEVICES_PER_QUERY = 100;
/** InfluxDB's times are nanoseconds in 64 bits. */
const FARTHEST_MS = 9_223_372_036_854;

/** Opens a bucket of an InfluxDB 2. Nothing is asked yet: a server that is away is seen by the first call. */
export function openInfluxTelemetryStore(
  options: InfluxTelemetryStoreOptions,
  deps: Pick<Deps, 'log' | 'now'>,
): TelemetryStore {
  return new InfluxTelemetryStore(options, deps);
}

/**
 * The telemetry store in InfluxDB 2. A write is one HTTP request whose answer is the outcome of exactly its points; the
 * client's `WriteApi` cannot tell that, since it queues, retries and drops by itself. There is no state between calls,
 * and no queue: the caller decides how many writes are on their way.
 */
class InfluxTelemetryStore implements TelemetryStore {
  readonly #connection: InfluxConnection;
  readonly #bucket: string;
  readonly #writePath: string;
  readonly #compress: boolean;
  readonly #now: () => number;
  readonly #telemetry: TelemetryStoreTelemetry;
  readonly #closing = new AbortController();

  constructor(options: InfluxTelemetryStoreOptions, deps: Pick<Deps, 'log' | 'now'>) {
    const { url, token, org, bucket, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    this.#connection = { url, token, requestTimeoutMs };
    this.#bucket = bucket;
    this.#writePath = `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ms' })}`;
    this.#compress = options.compress ?? !isLoopback(new URL(url).hostname);
    this.#now = deps.now;
    this.#telemetry = createTelemetryStoreTelemetry(deps);
    this.#telemetry.opened('influxdb', `${url} ${org}/${bucket}`);
  }

  async write(points: readonly Point[], signal?: AbortSignal): Promise<WriteOutcome> {
    if (points.length === 0) return { kind: 'written', rejected: [] };
    const given = signal === undefined ? [] : [signal];
    const { outcome, requests } = await writeInParts(points, (part) =>
      this.#post(linesOfPoints(part), given, this.#connection.requestTimeoutMs),
    );
    if (requests > 1) {
      this.#telemetry.wroteInParts(
        points.length,
        outcome.kind === 'written' ? outcome.rejected.length : 0,
        requests,
      );
    }
    return outcome;
  }

  async latest(deviceId: string, limit: number): Promise<readonly Reading[]> {
    const query = {
      where: 'device = $device',
      order: `ORDER BY time DESC LIMIT ${Math.trunc(limit)}`,
      parameters: { device: deviceId },
    };
    const readings: Reading[] = [];
    for await (const { deviceId: _, ...reading } of this.#read(query)) readings.push(reading);
    readings.sort((a, b) => b.ts - a.ts);
    return readings.slice(0, limit);
  }

  async fields(): Promise<readonly StoredField[]> {
    this.#assertOpen();
    return Array.fromAsync(fieldsOf(this.#connection, this.#bucket, this.#closing.signal));
  }

  async *scan({ fromMs, toMs, deviceIds }: ScanRange): AsyncIterable<StoredReading> {
    const range = `time >= ${timeLiteral(fromMs)} AND time < ${timeLiteral(toMs)}`;
    if (deviceIds === undefined) {
      yield* this.#read({ where: range, parameters: {} });
      return;
    }
    const distinct = [...new Set(deviceIds)];
    for (let first = 0; first < distinct.length; first += DEVICES_PER_QUERY) {
      const some = distinct.slice(first, first + DEVICES_PER_QUERY);
      const anyOfThem = some.map((_, i) => `device = $d${i}`).join(' OR ');
      const parameters = Object.fromEntries(some.map((id, i) => [`d${i}`, id]));
      yield* this.#read({ where: `${range} AND (${anyOfThem})`, parameters });
    }
  }

  /**
   * A write of nothing: InfluxDB looks at token, organisation and bucket before it looks for points. That something answers
   * `/ping` proves none of them, not even that it is InfluxDB.
   */
  async trouble(): Promise<string | undefined> {
    const verdict = await this.#post(NO_LINES, [], TROUBLE_TIMEOUT_MS);
    // Refused: for want of points, by versions that insist on some.
    return verdict.kind === 'stored' || verdict.kind === 'refused' ? undefined : verdict.detail;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#telemetry.closed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #post(
    lines: Uint8Array<ArrayBuffer>,
    given: readonly AbortSignal[],
    timeoutMs: number,
  ): Promise<Verdict> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([...given, this.#closing.signal, timeout]);
    if (signal.aborted) return ABANDONED;
    try {
      const compress = this.#compress && lines.length > COMPRESS_ABOVE_BYTES;
      const answer = await postToInflux(this.#connection, this.#writePath, {
        headers: {
          'content-type': 'text/plain; charset=utf-8',
          ...(compress && { 'content-encoding': 'gzip' }),
        },
        body: compress ? await compressed(lines) : lines,
        signal,
      });
      return judgeAnswer(answer, this.#now());
    } catch (error) {
      if (signal.aborted && !timeout.aborted) return ABANDONED;
      return { kind: 'retry', ...noAnswer(error) };
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new PipelineError('closed', 'the telemetry store is closed');
  }

  #read(query: ReadingsQuery): AsyncIterable<StoredReading> {
    this.#assertOpen();
    return readingsOf(this.#connection, this.#bucket, query, this.#closing.signal);
  }
}

const NO_LINES = linesOfPoints([]);

const ABANDONED: Verdict = { kind: 'retry', cause: 'aborted', detail: 'the write was abandoned' };

function timeLiteral(ms: number): string {
  return `${Math.trunc(Math.min(Math.max(ms, -FARTHEST_MS), FARTHEST_MS))}ms`;
}
