import type { Reading } from '#contract/reading.ts';
import type { RejectedPoint } from '#telemetry-store/telemetry-store.ts';
import type { ExpireRequest, ExpireStep } from './expire-points.ts';
import type { PointBatch } from './point-batch.ts';
import type { SqliteFailure } from './sqlite-failures.ts';
import type { ScanPage, ScanRequest } from './stored-readings.ts';

/** What the thread of the database can be asked: parameters and result of each request, plain data. */
export interface DatabaseRequests {
  write: {
    readonly parameters: { readonly batch: PointBatch; readonly oldestMs: number };
    readonly result: readonly RejectedPoint[];
  };
  latest: {
    readonly parameters: { readonly deviceId: string; readonly limit: number };
    readonly result: readonly Reading[];
  };
  scan: { readonly parameters: ScanRequest; readonly result: ScanPage };
  expire: { readonly parameters: ExpireRequest; readonly result: ExpireStep };
  ping: { readonly parameters: Record<never, never>; readonly result: true };
  /** The thread ends after its answer. */
  close: { readonly parameters: Record<never, never>; readonly result: true };
}

export type RequestName = keyof DatabaseRequests;

export type RequestMessage = {
  readonly [Name in RequestName]: {
    readonly id: number;
    readonly name: Name;
    readonly parameters: DatabaseRequests[Name]['parameters'];
  };
}[RequestName];

/** Answers come in the order of the requests. The first message says whether the file could be opened. */
export type AnswerMessage =
  | { readonly opened: true }
  | { readonly opened: false; readonly code: 'configuration' | 'store-unavailable'; readonly message: string }
  | { readonly id: number; readonly result: DatabaseRequests[RequestName]['result'] }
  | { readonly id: number; readonly failure: SqliteFailure };
