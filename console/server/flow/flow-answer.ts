import type { Flow, FlowHistory, FlowProblem } from '#console/api/flow.ts';
import { type FlowSample, quantileMs } from './flow-sample.ts';

/** What the samples do not say. */
export interface FlowSurroundings {
  readonly mode: Flow['mode'];
  /** Of one gateway. */
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Of percentiles and of the pace by which a lag goes away. */
const LOOK_BACK_MS = 60_000;
/** Of rates: less would show the batches of the log. */
const RATE_MS = 4_500;

/**
 * The flow as the page shows it. Pure.
 *
 * @param samples oldest first, the newest is now; never empty.
 */
export function flowOf(
  samples: readonly FlowSample[],
  problems: readonly FlowProblem[],
  { mode, maxMessages, maxBytes }: FlowSurroundings,
): Flow {
  const now = samples.at(-1) as FlowSample;
  const { gateway, writer, lagRecords, lagSeconds, pending } = now;
  const before = newestBefore(samples, now.at - RATE_MS);
  const minuteAgo = newestBefore(samples, now.at - LOOK_BACK_MS) ?? samples[0] ?? now;
  return {
    at: now.at,
    mode,
    targets: now.processes.map(({ name, samples: answer, detail }) => ({
      name,
      up: answer !== undefined,
      detail: detail ?? null,
    })),
    rates: ratesBetween(before, now),
    devices: gateway
      ? {
          connected: gateway.connected,
          known: gateway.known,
          silent: gateway.silent,
          paused: gateway.paused,
        }
      : null,
    puback: { p50Ms: quantileMs(0.5, minuteAgo, now), p99Ms: quantileMs(0.99, minuteAgo, now) },
    lag:
      lagRecords === undefined
        ? null
        : { records: lagRecords, seconds: lagSeconds ?? 0, drainSeconds: drainSeconds(minuteAgo, now) },
    inFlight: gateway
      ? {
          messages: gateway.inflightMessages,
          maxMessages: maxMessages * gateway.processes,
          bytes: gateway.inflightBytes,
          maxBytes: maxBytes * gateway.processes,
        }
      : null,
    books: {
      gateway: gateway
        ? {
            decoded: gateway.decoded,
            appended: gateway.appended,
            deadLettered: gateway.deadLettered,
            unconfirmed: gateway.unconfirmed,
            closes: gateway.unaccounted === 0,
          }
        : null,
      writer: writer
        ? {
            consumed: writer.consumed,
            stored: writer.stored,
            deadLettered: writer.deadLettered,
            closes: writer.unaccounted === 0,
          }
        : null,
      sentence: booksSentence(now),
    },
    deadLetters: pending === undefined ? null : { pending },
    problems,
  };
}

/** @param samples oldest first, at even distances */
export function historyOf(samples: readonly FlowSample[]): FlowHistory {
  const points = samples.slice(1).map((now, index) => {
    const before = samples[index] as FlowSample;
    return { now, rates: ratesBetween(before, now), before };
  });
  const rounded = (value: number | null | undefined): number | null =>
    value === null || value === undefined ? null : Math.round(value * 1000) / 1000;
  return {
    times: points.map(({ now }) => Math.round(now.at / 1000)),
    received: points.map(({ rates }) => rounded(rates.received)),
    appended: points.map(({ rates }) => rounded(rates.appended)),
    stored: points.map(({ rates }) => rounded(rates.stored)),
    deadLettered: points.map(({ rates }) => rounded(rates.deadLettered)),
    connected: points.map(({ now }) => rounded(now.gateway?.connected)),
    pubackP50Ms: points.map(({ before, now }) => rounded(quantileMs(0.5, before, now))),
    pubackP99Ms: points.map(({ before, now }) => rounded(quantileMs(0.99, before, now))),
    lagRecords: points.map(({ now }) => rounded(now.lagRecords)),
    lagSeconds: points.map(({ now }) => rounded(now.lagSeconds)),
  };
}

function ratesBetween(before: FlowSample | undefined, now: FlowSample): Flow['rates'] {
  const rate = (of: (sample: FlowSample) => number | undefined): number | null => {
    if (before === undefined || now.at <= before.at) return null;
    const [from, to] = [of(before), of(now)];
    // Less than before: a process began anew, or does not answer.
    if (from === undefined || to === undefined || to < from) return null;
    return ((to - from) * 1000) / (now.at - before.at);
  };
  return {
    received: rate(({ gateway }) => gateway?.decoded),
    appended: rate(({ gateway }) => gateway?.appended),
    stored: rate(({ writer }) => writer?.stored),
    deadLettered: rate(({ gateway, writer }) =>
      gateway === undefined && writer === undefined
        ? undefined
        : (gateway?.deadLettered ?? 0) + (writer?.deadLettered ?? 0),
    ),
    malformed: rate(({ gateway }) => gateway?.deadLettered),
    refused: rate(({ writer }) => writer?.deadLettered),
  };
}

/** At the pace by which the lag got less since then. */
function drainSeconds(before: FlowSample, now: FlowSample): number | null {
  if (now.lagRecords === 0) return 0;
  if (now.lagRecords === undefined || before.lagRecords === undefined || now.at <= before.at) return null;
  const perSecond = ((before.lagRecords - now.lagRecords) * 1000) / (now.at - before.at);
  return perSecond > 0 ? now.lagRecords / perSecond : null;
}

function booksSentence({ gateway, writer }: FlowSample): string | null {
  const sentences: string[] = [];
  if (gateway !== undefined && gateway.unaccounted > 0)
    sentences.push(
      `Of ${readings(gateway.decoded)} that came in, ${readings(gateway.unaccounted)} cannot be accounted for: neither in the log, nor dead letters, nor on their way.`,
    );
  if (writer !== undefined && writer.unaccounted > 0)
    sentences.push(
      `Of ${readings(writer.consumed)} that were taken from the log, ${readings(writer.unaccounted)} cannot be accounted for: neither stored nor dead letters.`,
    );
  return sentences.length === 0
    ? null
    : `${sentences.join(' ')} This is a fault of the pipeline itself: see the runbook AccountingGap.`;
}

function readings(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'reading' : 'readings'}`;
}

function newestBefore(samples: readonly FlowSample[], at: number): FlowSample | undefined {
  return samples.findLast((sample) => sample.at <= at);
}
