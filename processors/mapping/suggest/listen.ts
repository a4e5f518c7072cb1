import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import type { TopicNames } from '#contract/log-record.ts';
import type { Mappings } from '#contract/mapping/mappings.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { matches } from '#processors/dead-letters/letter-filter.ts';
import { readLetterStates } from '#processors/dead-letters/letter-states.ts';
import { letterOf } from '#processors/dead-letters/letters.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { SeenMessages } from './seen-messages.ts';

const LOOK_EVERY_MS = 500;
const CONNECT_MS = 10_000;
/** What is retained comes by itself after a subscription: when nothing of it came for so long, it is all there … */
const RETAINED_PAUSE_MS = 500;
/** … or there is too much of it to wait for. */
const RETAINED_MS = 30_000;
const UNMAPPED = { reasons: new Set(['unmapped-topic'] as const) };

export interface Listening {
  /** How long, from now on. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
  readonly seen: SeenMessages;
  readonly onProgress: () => void;
}

/** Pending letters with the reason `unmapped-topic`: those that are there, and those that come in the time. */
export async function listenToLetters(
  log: EventLog,
  topics: TopicNames,
  { milliseconds, signal, seen, onProgress }: Listening,
): Promise<void> {
  const until = performance.now() + milliseconds;
  // Of all partitions: of those that are not named, nothing would be read.
  const from = new Map(await log.offsetsAt(topics.deadLetters, 0));
  const states = await readLetterStates(log, topics, signal);
  for (;;) {
    for await (const record of log.read(topics.deadLetters, { from, signal })) {
      from.set(record.partition, record.offset + 1);
      const letter = letterOf(record, states.get(record.partition)?.get(record.offset));
      if (!matches(UNMAPPED, letter) || letter.mqttTopic === undefined) continue;
      const { mqttTopic: topic, payload, receivedAt, mqttClientId: client = letter.deviceId } = letter;
      seen.add({ topic, payload, client, receivedAt, retained: false });
      onProgress();
    }
    const left = until - performance.now();
    if (left <= 0 || signal.aborted) return;
    await pause(Math.min(LOOK_EVERY_MS, left), undefined, { signal }).catch(() => undefined);
    onProgress();
  }
}

/**
 * What a broker publishes in the time, and all that it has retained, but for topics that a mapping knows already.
 *
 * @returns whether the broker ended the connection before that
 * @throws PipelineError `gateway-unavailable` when it cannot be reached or closes the connection at once, `usage` when that is no address of one, or it grants no subscription.
 */
export async function listenToBroker(
  url: string,
  filters: readonly string[],
  mappings: Mappings | undefined,
  now: () => number,
  { milliseconds, signal, seen, onProgress }: Listening,
): Promise<{ readonly isCutOff: boolean }> {
  // Not quoted: there may be a password in it.
  if (!/^(mqtts?|wss?):$/.test(URL.parse(url)?.protocol ?? ''))
    throw new PipelineError(
      'usage',
      '--url: expected an address such as mqtt://127.0.0.1:1883, mqtts://…, ws://… or wss://…',
    );
  const clientId = `mapping-suggest-${randomBytes(4).toString('hex')}`;
  const options = { clientId, clean: true, reconnectPeriod: 0, connectTimeout: CONNECT_MS };
  // Without tries: with them the promise is never settled when the broker closes the connection without a word.
  const client = await connectAsync(url, options, false).catch((error: unknown) => {
    throw new PipelineError(
      'gateway-unavailable',
      `--url: cannot connect: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  let retainedAt = performance.now();
  try {
    client.on('message', (topic, payload, packet) => {
      if (packet.retain) retainedAt = performance.now();
      // Native topics are the built-in rule's.
      if (/^devices\/[^/]+\/telemetry$/.test(topic) || mappings?.knows(topic) === true) return;
      seen.add({ topic, payload, client: clientId, receivedAt: now(), retained: packet.retain });
      onProgress();
    });
    const over = new AbortController();
    client.on('close', () => over.abort());
    const closed = once(over.signal, 'abort').then((): never => {
      throw new PipelineError('gateway-unavailable', '--url: the broker closed the connection');
    });
    const granted = await Promise.race([client.subscribeAsync([...filters], { qos: 0 }), closed]);
    if (granted.every(({ qos }) => qos >= 128))
      throw new PipelineError('usage', '--topics: the broker grants none of them');
    const stopping = AbortSignal.any([signal, over.signal]);
    const began = performance.now();
    retainedAt = began;
    for (;;) {
      const now = performance.now();
      const quietAt = Math.min(retainedAt + RETAINED_PAUSE_MS, began + RETAINED_MS);
      const left = Math.max(began + milliseconds, quietAt) - now;
      if (left <= 0 || stopping.aborted) return { isCutOff: over.signal.aborted };
      await pause(left, undefined, { signal: stopping }).catch(() => undefined);
    }
  } finally {
    await client.endAsync(true);
  }
}
