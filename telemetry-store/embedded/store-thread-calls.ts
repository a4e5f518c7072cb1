import type { Reading } from '#contract/reading.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import type { DisplacementEvent } from '#sqlite/displacement-watch.ts';
import type { RejectedPoint, StoredField } from '#telemetry-store/telemetry-store.ts';
import type { ExpireRequest, ExpireStep } from './expire-points.ts';
import type { PointBatch } from './point-batch.ts';
import type { RebuiltStore } from './rebuild-store.ts';
import type { ScanPage, ScanRequest } from './stored-readings.ts';

export interface WriteRequest {
  readonly batch: PointBatch;
  /** Points with an earlier time are refused. */
  readonly oldestMs: number;
}

export interface LatestRequest {
  readonly deviceId: string;
  readonly limit: number;
}

export interface SeenTimeRequest {
  /** Where counting begins in a file that has none yet. */
  readonly nowMs: number;
}

/** What the thread says unasked, about a file that is damaged or does not stand at its path any more. */
export type StoreEvent =
  | ({ readonly kind: 'mended' } & MendedStore)
  | { readonly kind: 'not-mended'; readonly detail: string }
  | DisplacementEvent
  /** At the start: the copy that took its place, and others that are not in use. */
  | { readonly kind: 'rescued-taken'; readonly from: string }
  | { readonly kind: 'rescued-left'; readonly copies: readonly string[] };

export interface MendedStore extends RebuiltStore {
  readonly damage: string;
  /** Where it is kept. */
  readonly keptAs: string;
}

/** What the thread of the store does: plain data in, plain data out. */
export interface StoreCalls {
  /** Stores what can be stored, and says which points cannot be. */
  write(request: WriteRequest): readonly RejectedPoint[];
  latest(request: LatestRequest): readonly Reading[];
  scan(request: ScanRequest): ScanPage;
  fields(): readonly StoredField[];
  expire(request: ExpireRequest): ExpireStep;
  /** What processes before this one saw of time. */
  seenTime(request: SeenTimeRequest): SeenTimeState;
  keepTime(state: SeenTimeState): void;
  ping(): void;
}
