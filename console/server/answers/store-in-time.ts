import { doneBefore } from '#runtime/abort-signal.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** As long as another process is waited for. Milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * A store for somebody who waits before a page that shows more than what is in it: one that is silent (frozen, or behind a network that
 * drops what is sent) counts as away after a moment. Its own patience, which writes need, is five times as long; what was asked goes
 * on until that is over, and its answer is nobody's.
 */
export function storeInTime(
  store: Pick<TelemetryStore, 'latest' | 'scan'>,
  patienceMs: number = PATIENCE_MS,
): Pick<TelemetryStore, 'latest' | 'scan'> {
  const before = async <Answer>(late: AbortSignal, answer: Promise<Answer>): Promise<Answer> => {
    if (await doneBefore(late, answer)) return answer;
    const words = `the store has not answered for ${patienceMs / 1000} s`;
    throw new PipelineError('store-unavailable', words, { retryable: true });
  };
  return {
    latest: (...asked) => before(AbortSignal.timeout(patienceMs), store.latest(...asked)),
    async *scan(range) {
      const late = AbortSignal.timeout(patienceMs);
      const readings = store.scan(range)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await before(late, readings.next());
          if (next.done === true) return;
          yield next.value;
        }
      } finally {
        // It may still wait for what was asked last: nobody waits for it.
        readings.return?.().catch(() => undefined);
      }
    },
  };
}
