import { createEventLogTelemetry } from '#event-log/telemetry.ts';
import type { Deps } from '#runtime/deps.ts';

export type EmbeddedLogTelemetry = ReturnType<typeof createEmbeddedLogTelemetry>;

/** The events of the embedded log: those of every event log, and those about its file. */
export function createEmbeddedLogTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'event-log' });
  let spaceShort = false;
  return {
    ...createEventLogTelemetry(deps),
    recordsRemoved(topic: string, records: number, forSpace: boolean): void {
      if (forSpace) {
        log.warn({ topic, records }, 'consumed records removed before their retention time, to make room');
      } else {
        log.info({ topic, records }, 'records removed after their retention time');
      }
    },
    /** Said once when the alarm level is passed, and once when the log is below it again. */
    spaceMeasured(usedBytes: number, maxBytes: number, alarmShare: number, heldBy: readonly string[]): void {
      const short = usedBytes > alarmShare * maxBytes;
      if (short && !spaceShort) {
        log.warn(
          { usedBytes, maxBytes, heldBy },
          'event log is filling up; when it is full, devices are not acknowledged any more',
        );
      } else if (!short && spaceShort) {
        log.info({ usedBytes, maxBytes }, 'event log has room again');
      }
      spaceShort = short;
    },
    retentionFailed(detail: string): void {
      log.warn({ detail }, 'old records could not be removed, tried again later');
    },
  };
}
