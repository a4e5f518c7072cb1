import { randomBytes } from 'node:crypto';
import type { Point, PointField, RejectedPoint, WriteOutcome } from '#telemetry-store/telemetry-store.ts';

export const VERSION_1: PointField = { name: 'schemaVersion', kind: 'integer', value: 1 };

/** A point as the pipeline writes it, all its values floats. */
export function point(
  measurement: string,
  deviceId: string,
  timestamp: number,
  values: Readonly<Record<string, number>>,
  seq?: number,
  version = 1,
): Point {
  const fields: PointField[] = [{ ...VERSION_1, value: version }];
  if (seq !== undefined) fields.push({ name: 'seq', kind: 'integer', value: seq });
  for (const [name, value] of Object.entries(values)) fields.push({ name, kind: 'float', value });
  return { measurement, deviceId, timestamp, fields };
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

export function rejectedOf(outcome: WriteOutcome): readonly RejectedPoint[] {
  if (outcome.kind !== 'written') throw new Error(`not written: ${JSON.stringify(outcome)}`);
  return outcome.rejected;
}

/** A measurement and a device that no other test uses. */
export function names(): { readonly measurement: string; readonly device: string } {
  const id = randomBytes(6).toString('hex');
  return { measurement: `type-${id}`, device: `device-${id}` };
}
