import { doneBefore } from '#runtime/abort-signal.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** As long as another process is waited for. Milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * A store for somebody who waits before a page that shows more than what is in it: one that is silent (frozen, or behind a network that
 * drops what is sent) counts as away after a moment. The moment begins anew with each reading of a scan: a long one, or somebody who takes their time over it,
 * is no silence. Its own patience, which writes need, is five times as long; what was asked goes on until that is over, and its
 * answer is nobody's.
 */
export function storeInTime(
  store: Pick<TelemetryStore, 'latest' | 'scan'>,
  patienceMs: number = PATIENCE_MS,
): Pick<TelemetryStore, 'latest' | 'scan'> {
  const inTime = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), patienceMs);
    try {
      if (await doneBefore(late.signal, answer)) return await answer;
    } finally {
      // Not left to run out: a scan has as many as it has readings.
      clearTimeout(timer);
    }
    const words = `the store has not answered for ${patienceMs / 1000} s`;
    throw new PipelineError('store-unavailable', words, { retryable: true });
  };
  return {
    latest: (...asked) => inTime(store.latest(...asked)),
    async *scan(range) {
      const readings = store.scan(range)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await inTime(readings.next());
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
