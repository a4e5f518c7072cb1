export interface PaceOptions {
  /** Readings a second; missing = as fast as it goes. */
  readonly ratePerSecond?: number | undefined;
  /** Nobody else uses the store: it need not be left in peace in between. */
  readonly atFullSpeed: boolean;
}

/**
 * How long to rest after a write, so that a running telemetry-writer gets its turn at the store: as long as the write
 * took, or longer where a rate wants it. Pure.
 *
 * @param tookMs of writing so many readings
 */
export function restMs(
  readings: number,
  tookMs: number,
  { ratePerSecond, atFullSpeed }: PaceOptions,
): number {
  const fairMs = atFullSpeed ? 0 : tookMs;
  const rateMs = ratePerSecond === undefined ? 0 : (readings * 1000) / ratePerSecond - tookMs;
  return Math.max(fairMs, rateMs);
}
