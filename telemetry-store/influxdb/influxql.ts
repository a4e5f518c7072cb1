import { z } from 'zod';
import type { FieldKind, FieldValue } from '#contract/reading.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readingOfFields } from '#telemetry-store/reading-point.ts';
import type { StoredField, StoredReading } from '#telemetry-store/telemetry-store.ts';
import { type InfluxConnection, noAnswer, requestInflux } from './influx-http.ts';

/**
 * One JSON document of a chunked answer (https://docs.influxdata.com/influxdb/v2/api/v1-compatibility/). Who answers may be a
 * proxy, or another program.
 */
const CHUNK = z.object({
  error: z.string().optional(),
  results: z
    .array(
      z.object({
        error: z.string().optional(),
        series: z
          .array(
            z.object({
              name: z.string(),
              tags: z.record(z.string(), z.string()).optional(),
              columns: z.array(z.string()),
              // Not each of two thousand rows' cells: a cell is looked at where it is used.
              values: z.custom<Series['values']>((rows) => Array.isArray(rows) && rows.every(Array.isArray)),
            }),
          )
          .optional(),
        partial: z.boolean().optional(),
      }),
    )
    .optional(),
});

export interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (FieldValue | null)[])[];
}

const ROWS_PER_CHUNK = 2_000;
/** Of one document: rows of the largest readings, and more. */
const MOST_CHUNK_CHARACTERS = 192 * 1024 * 1024;

export interface ReadingsQuery {
  /** Condition of each measurement's `SELECT`. */
  readonly where: string;
  /** What comes after it, for example `ORDER BY time DESC`. */
  readonly order?: string;
  /** For the `$name`s in it: values are never pasted into a query. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Asks in InfluxQL and gives readings as they arrive. InfluxQL rather than Flux, because its answers are rows of JSON:
 * Flux needs a pivot for that, and its CSV changes strings (`\n` comes back as `\r\n`, `\r` not at all). One `SELECT` for each
 * measurement: over several at once a field has one type, and values of another one are left out. Fields only: tags are no
 * values. A point that is there twice, because its device had other tags when it was written again, is one reading.
 *
 * @throws PipelineError `store-unavailable`
 */
export async function* readingsOf(
  connection: InfluxConnection,
  bucket: string,
  { where, order = '', parameters }: ReadingsQuery,
  closing: AbortSignal,
): AsyncIterable<StoredReading> {
  const ask = (query: string) => seriesOf(connection, bucket, query, parameters, closing);
  const selects: string[] = [];
  for await (const { values } of ask('SHOW MEASUREMENTS')) {
    for (const [name] of values) {
      // Other programs may write to the bucket; only our points have a schema version.
      selects.push(
        `SELECT *::field FROM ${identifier(String(name))} WHERE ${where} AND schemaVersion > 0 GROUP BY device ${order}`,
      );
    }
  }
  // SHOW names nothing also when the bucket does not exist or may not be read; SELECT says so.
  if (selects.length === 0) selects.push('SELECT * FROM nothing LIMIT 1');
  for await (const series of ask(selects.join('; '))) yield* readingsOfSeries(series);
}

/** @throws PipelineError `store-unavailable` */
export async function* fieldsOf(
  connection: InfluxConnection,
  bucket: string,
  closing: AbortSignal,
): AsyncIterable<StoredField> {
  for await (const { name: measurement, values } of seriesOf(
    connection,
    bucket,
    'SHOW FIELD KEYS',
    {},
    closing,
  )) {
    for (const [name, kind] of values) {
      // Other programs may write unsigned numbers; no schema has them.
      if (isFieldKind(kind)) yield { measurement, name: String(name), kind };
    }
  }
}

function isFieldKind(kind: unknown): kind is FieldKind {
  return kind === 'integer' || kind === 'float' || kind === 'boolean' || kind === 'string';
}

/** The series of an answer, as they arrive. @throws PipelineError `store-unavailable` */
export async function* seriesOf(
  connection: InfluxConnection,
  bucket: string,
  query: string,
  parameters: Readonly<Record<string, string>>,
  closing: AbortSignal,
): AsyncIterable<Series> {
  let complete = false;
  for await (const chunk of chunksOf(connection, bucket, query, parameters, closing)) {
    if (chunk.error !== undefined) throw unavailable(`InfluxDB cannot answer: ${chunk.error}`);
    for (const { error, series, partial } of chunk.results ?? []) {
      if (error !== undefined) throw unavailable(`InfluxDB cannot answer: ${error}`);
      complete = partial !== true;
      yield* series ?? [];
    }
  }
  if (!complete) throw unavailable('the answer of InfluxDB ended early');
}

async function* chunksOf(
  connection: InfluxConnection,
  bucket: string,
  query: string,
  parameters: Readonly<Record<string, string>>,
  closing: AbortSignal,
): AsyncIterable<z.infer<typeof CHUNK>> {
  // InfluxDB 2 offers every bucket as a database, one named "a/b" as database a with retention policy b.
  const [database = '', ...policy] = bucket.split('/');
  const body = new URLSearchParams({
    db: database,
    q: query,
    params: JSON.stringify(parameters),
    epoch: 'ms',
    chunked: 'true',
    chunk_size: String(ROWS_PER_CHUNK),
    ...(policy.length > 0 && { rp: policy.join('/') }),
  });
  // Only waiting for the server counts, not what the reader does in between.
  const silence = new AbortController();
  const patiently = async <T>(answer: Promise<T>): Promise<T> => {
    const timer = setTimeout(
      () => silence.abort(new DOMException('', 'TimeoutError')),
      connection.requestTimeoutMs,
    );
    return answer.finally(() => clearTimeout(timer));
  };
  try {
    const signal = AbortSignal.any([closing, silence.signal]);
    const response = await patiently(requestInflux(connection, '/query', { method: 'POST', body, signal }));
    if (!response.ok || response.body === null) {
      throw unavailable(
        `InfluxDB answered ${response.status}: ${await patiently(firstWordsOf(response.body))}`,
      );
    }
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    let parts: string[] = [];
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await patiently(reader.read());
        const part = decoder.decode(value, { stream: !done });
        parts.push(part);
        length += part.length;
        if (length > MOST_CHUNK_CHARACTERS) throw unavailable('the answer of InfluxDB does not end');
        if (!done && !part.includes('\n')) continue;
        const lines = parts.join('').split('\n');
        const rest = lines.pop() ?? '';
        parts = [rest];
        length = rest.length;
        for (const line of lines) if (line !== '') yield chunkOf(line);
        if (done) break;
      }
    } finally {
      await reader.cancel();
    }
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    throw unavailable(`InfluxDB cannot be asked: ${noAnswer(error).detail}`, error);
  }
}

function chunkOf(line: string): z.infer<typeof CHUNK> {
  const { data, error } = CHUNK.safeParse(JSON.parse(line));
  if (data === undefined) throw unavailable('what answers is no InfluxDB', error);
  return data;
}

/** Of what an error says, which may have no end. */
async function firstWordsOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  for await (const part of body ?? []) return Buffer.from(part).toString('utf8').slice(0, 200);
  return '';
}

function* readingsOfSeries({ name, tags, columns, values }: Series): Iterable<StoredReading> {
  const deviceId = tags?.['device'] ?? '';
  const time = columns.indexOf('time');
  for (const row of mergedByTime(values, time)) {
    const fields: [string, FieldValue][] = [];
    for (let i = 0; i < columns.length; i++) {
      const value = row[i];
      if (i !== time && value !== null && value !== undefined) fields.push([columns[i] as string, value]);
    }
    const reading = readingOfFields(name, row[time] as number, fields);
    if (reading !== undefined) yield { deviceId, ...reading };
  }
}

/** Rows of one time follow each other; the first that has a value gives it. */
function* mergedByTime(
  rows: Series['values'],
  time: number,
): Iterable<readonly (FieldValue | null | undefined)[]> {
  let merged: (FieldValue | null | undefined)[] | undefined;
  for (const row of rows) {
    if (merged !== undefined && merged[time] === row[time]) {
      for (let i = 0; i < row.length; i++) merged[i] ??= row[i];
      continue;
    }
    if (merged !== undefined) yield merged;
    merged = [...row];
  }
  if (merged !== undefined) yield merged;
}

function identifier(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function unavailable(message: string, cause?: unknown): PipelineError {
  return new PipelineError('store-unavailable', message, { retryable: true, cause });
}
