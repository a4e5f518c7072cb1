import type { ProduceAnswer } from '#event-log/kafka/wire/produce-request.ts';
import { CLOCK_TOLERANCE_MS } from '#runtime/seen-time.ts';

/** What an answer says of a broker's clock is known for so long: its clock, or ours, may be put right without another append. */
export const KNOWN_FOR_MS = 10 * 60_000;
/** Between sending and answer ours may be corrected by so much; more is a clock that was set meanwhile. */
const SLEW_MS = 1_000;

/** A moment on both of our clocks, milliseconds. */
export interface Moment {
  /** Since the epoch. */
  readonly wallMs: number;
  /** Of `performance.now()`, which nobody sets. */
  readonly monotonicMs: number;
}

/**
 * How far the clocks of brokers are from ours, by the times that they give to what they append (`LogAppendTime`): between
 * sending and answer is what ours says, and a time outside of that is the difference. This tells of a clock that was wrong
 * from the start, too, which nothing here can know otherwise. Brokers remove by these times, and lags are measured by them.
 *
 * Modes of a broker: *unknown* → *known*, by an answer during which our clock was not set → *unknown*, ten minutes after the last
 * one: it leads nothing any more, or nobody appends.
 *
 * Pure.
 */
export class BrokerClocks {
  readonly #known = new Map<number, { readonly aheadMs: number; readonly at: number }>();

  /** @returns how far the broker's clock is ahead (negative: behind), milliseconds; `undefined` when the answer does not say */
  compare(broker: number, answer: ProduceAnswer, sent: Moment, answered: Moment): number | undefined {
    const appendedAt = appendTimeOf(answer);
    if (appendedAt === undefined) return undefined;
    const setByMs = answered.wallMs - sent.wallMs - (answered.monotonicMs - sent.monotonicMs);
    if (Math.abs(setByMs) > SLEW_MS) return undefined;
    const aheadMs = Math.max(0, appendedAt - answered.wallMs) + Math.min(0, appendedAt - sent.wallMs);
    this.#known.set(broker, { aheadMs, at: answered.monotonicMs });
    return aheadMs;
  }

  /** @returns the brokers of which nothing is known any more */
  forget(monotonicMs: number): readonly number[] {
    const outdated = [...this.#known].filter(([, { at }]) => monotonicMs - at > KNOWN_FOR_MS);
    for (const [broker] of outdated) this.#known.delete(broker);
    return outdated.map(([broker]) => broker);
  }

  /** For people; `undefined` while no more differs than clocks do. */
  trouble(describeBroker: (broker: number) => string): string | undefined {
    for (const [broker, { aheadMs }] of this.#known) {
      if (Math.abs(aheadMs) <= CLOCK_TOLERANCE_MS) continue;
      const hours = (Math.abs(aheadMs) / 3_600_000).toFixed(1);
      return `the clock of ${describeBroker(broker)} is ${hours} h ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`;
    }
    return undefined;
  }
}

/** Of a topic that keeps the producer's times there is none. */
function appendTimeOf(answer: ProduceAnswer): number | undefined {
  for (const { partitions } of answer) {
    for (const { errorCode, logAppendTime } of partitions) {
      if (errorCode === 0 && Number(logAppendTime) > 0) return Number(logAppendTime);
    }
  }
  return undefined;
}
