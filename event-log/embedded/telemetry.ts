import { createEventLogTelemetry } from '#event-log/telemetry.ts';
import type { Deps } from '#runtime/deps.ts';

export type EmbeddedLogTelemetry = ReturnType<typeof createEmbeddedLogTelemetry>;

/** At most one line a topic in this time about removal, which in a log of some age happens with every look. */
const REMOVAL_LINE_MS = 10 * 60 * 1000;

/** The events of the embedded log: those of every event log, and those about its file. */
export function createEmbeddedLogTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'event-log' });
  let spaceShort = false;
  /** By topic and kind: records that no line has told yet, and when the last line was written. */
  const removals = new Map<string, { records: number; toldAt: number }>();
  return {
    ...createEventLogTelemetry(deps),
    /** @param forSpace before their retention time. */
    recordsRemoved(topic: string, records: number, forSpace: boolean): void {
      const key = `${topic} ${forSpace}`;
      const removal = removals.get(key) ?? { records: 0, toldAt: -Infinity };
      removals.set(key, removal);
      removal.records += records;
      if (performance.now() - removal.toldAt < REMOVAL_LINE_MS) return;
      log.info(
        { topic, records: removal.records },
        forSpace
          ? 'consumed records removed before their retention time, to make room'
          : 'records removed after their retention time',
      );
      removal.records = 0;
      removal.toldAt = performance.now();
    },
    /**
     * Said once when space gets short, and once when it is not any more.
     *
     * @param heldBy the groups that have not consumed what may not be removed.
     */
    spaceMeasured(
      bytes: { readonly usedBytes: number; readonly heldBytes: number; readonly maxBytes: number },
      short: boolean,
      heldBy: readonly string[],
    ): void {
      const fields = { ...bytes, heldBytes: Math.round(bytes.heldBytes) };
      if (short && !spaceShort) {
        log.warn(
          { ...fields, heldBy },
          'event log is filling up with records that may not be removed; when it is full, devices are not acknowledged any more',
        );
      } else if (!short && spaceShort) {
        log.info(fields, 'event log has room again');
      }
      spaceShort = short;
    },
    retentionFailed(detail: string): void {
      log.warn({ detail }, 'old records could not be removed, tried again later');
    },
  };
}
