import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Registry } from 'prom-client';
import { admit } from '#contract/admission.ts';
import { type DeadLetter, encodeDeadLetter, letterId } from '#contract/dead-letter.ts';
import type { RecordPosition, TopicNames } from '#contract/log-record.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import type { EventLog } from '#event-log/event-log.ts';
import type { CommandIo } from '#runtime/command-line.ts';
import type { Deps } from '#runtime/deps.ts';
import { createLogger } from '#runtime/logger.ts';

export const TOPICS: TopicNames = {
  telemetry: 'telemetry.readings',
  deadLetters: 'telemetry.readings.dlq',
  deadLetterState: 'telemetry.readings.dlq.state',
};
const HOUR_MS = 3_600_000;
const LOG_BYTES = 1024 ** 3;
const NO_SCHEMAS: SchemaRegistry = new Map();

export function testDeps(now: () => number = Date.now): Deps {
  return {
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: new Registry(),
    now,
    random: Math.random,
  };
}

export interface TestLog extends AsyncDisposable {
  readonly dataDir: string;
  /** As the pipeline process has it. */
  readonly log: EventLog;
  /** Another handle, as a command-line tool has it; closed with the log. */
  beside(): Promise<EventLog>;
}

/** A share of the log for the letters, as the pipeline gives them one. */
export interface TestShare {
  /** What all letters may take. */
  readonly maxBytes: number;
  /** What those of one device may take. */
  readonly maxDeviceBytes: number;
}

/** An embedded event log with the topics of the pipeline, in a folder of its own. */
export async function openTestLog(share?: TestShare): Promise<TestLog> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dead-letters-'));
  const open = (role: 'owner' | 'beside') =>
    openEmbeddedEventLog({ dataDir, role, maxBytes: LOG_BYTES }, testDeps());
  const log = await open('owner');
  await ensureTestTopics(log, TOPICS, share);
  const handles: EventLog[] = [];
  return {
    dataDir,
    log,
    async beside() {
      const handle = await open('beside');
      handles.push(handle);
      return handle;
    },
    async [Symbol.asyncDispose]() {
      for (const handle of [...handles, log]) await handle.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

export function ensureTestTopics(log: EventLog, topics: TopicNames, share?: TestShare): Promise<void> {
  return log.ensureTopics([
    { name: topics.telemetry, cleanup: 'delete', retentionMs: 168 * HOUR_MS },
    {
      name: topics.deadLetters,
      cleanup: 'delete',
      retentionMs: 720 * HOUR_MS,
      ...(share && {
        share: {
          ofLog: share.maxBytes / LOG_BYTES,
          perKey: share.maxDeviceBytes / share.maxBytes,
          settledIn: topics.deadLetterState,
        },
      }),
    },
    { name: topics.deadLetterState, cleanup: 'compact', retentionMs: 0 },
  ]);
}

/** A letter as the gateway writes it for a payload that these schemas refuse. */
export function letterFor(
  deviceId: string,
  payload: string | Uint8Array,
  more: Partial<DeadLetter> & { readonly schemas?: SchemaRegistry } = {},
): DeadLetter {
  const { schemas = NO_SCHEMAS, ...fields } = more;
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const receivedAt = fields.receivedAt ?? Date.now();
  const reject = admit(bytes, receivedAt, schemas).rejects[0];
  return {
    deviceId,
    payload: bytes,
    reason: reject?.reason ?? 'store-rejected',
    detail: reject?.detail ?? { message: 'field type conflict' },
    stage: 'gateway',
    attempt: 0,
    firstFailedAt: receivedAt,
    receivedAt,
    mqttTopic: `devices/${deviceId}/telemetry`,
    mqttClientId: deviceId,
    ...fields,
  };
}

export function appendLetters(
  log: EventLog,
  letters: readonly DeadLetter[],
  topics: TopicNames = TOPICS,
): Promise<RecordPosition[]> {
  const deadline = performance.now() + 60_000;
  return Promise.all(
    letters.map((letter) => log.append(encodeDeadLetter(topics.deadLetters, letter), deadline)),
  );
}

export async function appendLetter(log: EventLog, letter: DeadLetter): Promise<string> {
  const [position] = await appendLetters(log, [letter]);
  return letterId(position as RecordPosition);
}

export function reading(seq: number, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    schema: 'environment/1',
    ts: Date.now() - 1_000 + seq,
    seq,
    values: { temperature: 21.5, humidity: 40 },
    ...more,
  });
}

/** A command's surroundings, and what it wrote. */
export function captureIo(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  more: { readonly signal?: AbortSignal; readonly isTTY?: boolean } = {},
): { readonly io: CommandIo; readonly out: () => string; readonly err: () => string } {
  const [out, err] = [collector(), collector()];
  const stdout = Object.assign(out.stream, { isTTY: more.isTTY ?? false, columns: 160 });
  const signal = more.signal ?? new AbortController().signal;
  return { io: { argv, env, stdout, stderr: err.stream, signal }, out: out.text, err: err.text };
}

function collector(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** The same log, some calls answered differently. */
export function withCalls(log: EventLog, calls: Partial<EventLog>): EventLog {
  return {
    append: (record, deadlineAt) => log.append(record, deadlineAt),
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
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    ...calls,
  };
}
