import { expect } from 'vitest';
import type { Point, StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** One store, as the suite uses it: it keeps `RETENTION_DAYS`. */
export interface TelemetryStoreUnderTest {
  readonly store: TelemetryStore;
  /** Another handle on the same store, beside the first one, for reading. */
  openBeside(): Promise<TelemetryStore>;
  /** After `store` was closed. */
  dispose(): Promise<void>;
}

export const RETENTION_DAYS = 7;

export interface TelemetryStoreSuiteOptions {
  /** How many random histories of writes are tried. */
  readonly histories: number;
}

export const DAY_MS = 24 * 60 * 60 * 1000;

/** The store that the suite runs against, and what its tests do with it again and again. */
export class StoreUnderTest {
  readonly histories: number;
  /** Yesterday at noon, a whole hour well inside the retention. At midnight begins another shard of InfluxDB, with types of its own. */
  readonly start = (Math.floor(Date.now() / DAY_MS) - 0.5) * DAY_MS;
  subject!: TelemetryStoreUnderTest;

  constructor({ histories }: TelemetryStoreSuiteOptions) {
    this.histories = histories;
  }

  get store(): TelemetryStore {
    return this.subject.store;
  }

  readonly writeAll = async (points: readonly Point[]): Promise<void> => {
    expect(await this.store.write(points)).toEqual({ kind: 'written', rejected: [] });
  };

  readonly scanned = async (deviceIds: readonly string[], fromMs = 0, toMs = this.start + 365 * DAY_MS) =>
    (await Array.fromAsync(this.store.scan({ fromMs, toMs, deviceIds }))).sort(byDeviceAndTime);
}

export function byDeviceAndTime(a: StoredReading, b: StoredReading): number {
  if (a.deviceId !== b.deviceId) return a.deviceId < b.deviceId ? -1 : 1;
  return a.ts - b.ts;
}
