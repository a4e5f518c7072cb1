import type { Statements } from '#sqlite/statements.ts';
import { type MeasurementTables, quoted } from './measurement-tables.ts';
import { firstDeviceAfter } from './stored-readings.ts';

export interface ExpireRequest {
  /** Points with an earlier time are removed. */
  readonly beforeMs: number;
  readonly after?: ExpirePosition;
  /** A step ends when it has removed this many points, or looked at enough devices. */
  readonly stepPoints: number;
}

export interface ExpireStep {
  readonly removed: number;
  /** Where to go on; missing = nothing old is left. */
  readonly next?: ExpirePosition;
}

/** The last device of a measurement that was gone through. */
interface ExpirePosition {
  readonly measurement: string;
  readonly device: string;
}

const DEVICES_PER_STEP = 500;

/** Removes some of the old points: small steps, so that writes get their turn in between. Must run inside a transaction. */
export function expirePoints(
  tables: MeasurementTables,
  statements: Statements,
  { beforeMs, after, stepPoints }: ExpireRequest,
): ExpireStep {
  let removed = 0;
  let looked = 0;
  for (const measurement of tables.measurements().sort()) {
    if (after !== undefined && measurement < after.measurement) continue;
    const table = quoted(measurement);
    let done = measurement === after?.measurement ? after.device : '';
    for (;;) {
      const device = firstDeviceAfter(done, [measurement], statements);
      if (device === undefined) break;
      if (removed >= stepPoints || looked >= DEVICES_PER_STEP)
        return { removed, next: { measurement, device: done } };
      const { changes } = statements
        .get(
          `DELETE FROM ${table} WHERE (device, time) IN
             (SELECT device, time FROM ${table} WHERE device = ? AND time < ? ORDER BY time LIMIT ?)`,
        )
        .run(device, beforeMs, stepPoints - removed);
      removed += Number(changes);
      looked++;
      // With the step full, this device may have more.
      if (removed < stepPoints) done = device;
    }
  }
  return { removed };
}
