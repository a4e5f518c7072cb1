import type { RejectReason } from '#contract/reject-reason.ts';
import type { Entry, RefusedEntry, TelemetryBatch } from '#processors/telemetry-writer/telemetry-batch.ts';

/** What became of the readings that were read; plain, so that it can be kept. `read` = `written` + `skipped` + `refused`. */
export interface Tally {
  readonly records: number;
  readonly read: number;
  /** In the store; of a dry run: that would be. */
  readonly written: number;
  /** Of devices that were not asked for. */
  readonly skipped: number;
  readonly refused: number;
  /** Of the refused ones. */
  readonly why: Readonly<Partial<Record<RejectReason, Refusals>>>;
}

export interface Refusals {
  readonly readings: number;
  readonly example: {
    readonly partition: number;
    readonly offset: number;
    readonly device: string;
    readonly detail: unknown;
  };
}

export const NOTHING: Tally = { records: 0, read: 0, written: 0, skipped: 0, refused: 0, why: {} };

/** What one batch adds. */
export interface BatchOutcome {
  readonly records: number;
  readonly skipped: number;
  readonly batch: TelemetryBatch;
  readonly refused: readonly RefusedEntry<Entry>[];
}

/** Pure. */
export function added(tally: Tally, { records, skipped, batch, refused }: BatchOutcome): Tally {
  const why = { ...tally.why };
  const count = (reason: RejectReason, example: Refusals['example']): void => {
    const known = why[reason];
    why[reason] = { readings: (known?.readings ?? 0) + 1, example: known?.example ?? example };
  };
  for (const { reason, detail, deviceId: device, origin } of batch.letters) {
    count(reason, { partition: origin?.partition ?? 0, offset: origin?.offset ?? 0, device, detail });
  }
  for (const { entry, reason } of refused) {
    const { partition, offset } = entry.source.record;
    const device = entry.point.deviceId;
    count('store-rejected', { partition, offset, device, detail: { message: reason } });
  }
  const refusals = batch.letters.length + refused.length;
  return {
    records: tally.records + records,
    read: tally.read + skipped + batch.entries.length + batch.letters.length,
    written: tally.written + batch.entries.length - refused.length,
    skipped: tally.skipped + skipped,
    refused: tally.refused + refusals,
    why,
  };
}
