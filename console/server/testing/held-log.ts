import type { EventLog } from '#event-log/event-log.ts';
import { withCalls } from '#processors/dead-letters/testing/log-with-letters.ts';

/** A log that takes so many records of the topic, and no more until `goOn` is called: what writes them stands still, and fails not. */
export function heldLog(
  log: EventLog,
  topic: string,
  records: number,
): { readonly eventLog: EventLog; readonly goOn: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let taken = 0;
  const eventLog = withCalls(log, {
    append: async (record, deadlineAt) => {
      if (record.topic === topic && ++taken > records) await promise;
      return log.append(record, deadlineAt);
    },
  });
  return { eventLog, goOn: resolve };
}
