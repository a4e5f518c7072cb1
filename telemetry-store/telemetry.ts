import type { Deps } from '#runtime/deps.ts';

export type TelemetryStoreTelemetry = ReturnType<typeof createTelemetryStoreTelemetry>;

/**
 * The events of the telemetry store, both drivers. There are no metrics here: what a write came to is counted by the
 * telemetry-writer, whichever driver it used.
 */
export function createTelemetryStoreTelemetry(deps: Pick<Deps, 'log'>) {
  const log = deps.log.child({ part: 'telemetry-store' });
  return {
    opened(driver: 'embedded' | 'influxdb', where: string): void {
      log.info({ driver, where }, 'telemetry store opened');
    },
    closed(): void {
      log.info('telemetry store closed');
    },
    /** Some points were refused, and the batch was written again in parts to find them. */
    wroteInParts(points: number, rejected: number, requests: number): void {
      log.info({ points, rejected, requests }, 'batch written in parts, because some points were refused');
    },
  };
}
