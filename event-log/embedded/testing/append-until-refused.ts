import type { EventLog } from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/** Appends one record after the other until the log takes none, and says how many it took; the last one still waits. */
export async function appendUntilRefused(log: EventLog, append: () => Promise<unknown>): Promise<number> {
  let taken = 0;
  while (log.health().up) {
    let settled = false;
    const given = append().then(() => taken++);
    given.catch(() => undefined).finally(() => (settled = true));
    await eventually(() => {
      if (!settled && log.health().up) throw new Error('neither taken nor refused');
    });
  }
  return taken;
}
