import type { ProduceAnswer } from '#event-log/kafka/wire/produce-request.ts';
import { CLOCK_TOLERANCE_MS } from '#runtime/seen-time.ts';

/**
 * How far the clocks of brokers are from ours, by the times that they give to what they append (`LogAppendTime`): between
 * sending and answer is what ours says, and a time outside of that is the difference. This tells of a clock that was wrong
 * from the start, too, which nothing here can know otherwise. Brokers remove by these times, and lags are measured by them.
 * Pure.
 */
export class BrokerClocks {
  /** By broker, as the last append that it confirmed showed. Milliseconds. */
  readonly #aheadMs = new Map<number, number>();

  /** @returns how far the broker's clock is ahead (negative: behind); `undefined` when the answer does not say. Milliseconds */
  compare(broker: number, answer: ProduceAnswer, sentAt: number, answeredAt: number): number | undefined {
    const appendedAt = appendTimeOf(answer);
    if (appendedAt === undefined) return undefined;
    const aheadMs = Math.max(0, appendedAt - answeredAt) + Math.min(0, appendedAt - sentAt);
    this.#aheadMs.set(broker, aheadMs);
    return aheadMs;
  }

  /** For people; `undefined` while no more differs than clocks do. */
  trouble(describeBroker: (broker: number) => string): string | undefined {
    for (const [broker, aheadMs] of this.#aheadMs) {
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
