import { Counter, Gauge } from 'prom-client';
import { createClockTelemetry } from '#runtime/clock-telemetry.ts';
import type { Deps } from '#runtime/deps.ts';
import { keptWords } from '#sqlite/displacement-watch.ts';
import { createTelemetryStoreTelemetry } from '#telemetry-store/telemetry.ts';
import type { MendedStore, StoreEvent } from './store-thread-calls.ts';

export type EmbeddedStoreTelemetry = ReturnType<typeof createEmbeddedStoreTelemetry>;

/**
 * The events of the embedded store: those of every store, and those about its file.
 *
 * @param walBytes how large the write-ahead log is now; missing for a handle that does not own the file.
 */
export function createEmbeddedStoreTelemetry(deps: Pick<Deps, 'log' | 'metrics'>, walBytes?: () => number) {
  const log = deps.log.child({ part: 'telemetry-store' });
  if (walBytes !== undefined) {
    new Gauge({
      name: 'telemetry_store_wal_bytes',
      help: 'Bytes of the write-ahead log beside the file of the store; it grows while something keeps reading one state of the file (embedded store only)',
      registers: [deps.metrics],
      collect() {
        this.set(walBytes());
      },
    });
  }
  const rebuilt =
    walBytes &&
    new Counter({
      name: 'telemetry_store_rebuilt_total',
      help: 'How often the file of the store was found damaged and made anew from what could be read (embedded store only)',
      registers: [deps.metrics],
    });
  const fileMended = ({ damage, keptAs, points, lostPages, lostPoints }: MendedStore): void => {
    rebuilt?.inc();
    log.error(
      {
        damage,
        keptAs,
        points,
        lostPages: lostPages.length,
        firstLostPages: lostPages.slice(0, 20),
        lostPoints,
      },
      'the file of the store was damaged: it was made anew from what could be read, and the damaged one is kept',
    );
  };
  return {
    ...createTelemetryStoreTelemetry(deps),
    ...createClockTelemetry(deps, 'telemetry-store'),
    /** Retention has caught up. */
    expired(points: number): void {
      if (points > 0) log.info({ points }, 'points older than the retention removed');
    },
    expiryFailed(detail: string): void {
      log.warn({ detail }, 'points older than the retention could not be removed, trying again later');
    },
    /** What the thread says of the file: once each. */
    fileChanged(event: StoreEvent): void {
      switch (event.kind) {
        case 'mended':
          fileMended(event);
          break;
        case 'not-mended':
          log.error({ detail: event.detail }, 'the file of the store is damaged and could not be made anew');
          break;
        case 'displaced':
          log.error({ detail: event.detail }, 'the store cannot be written: its file is gone');
          break;
        case 'rescued':
          log.error(
            { to: event.to },
            `the file of the store was deleted or replaced while it is in use: ${keptWords(event.to)}`,
          );
          break;
        case 'not-rescued':
          log.error(
            { detail: event.detail },
            'the file of the store was deleted or replaced while it is in use, and what it holds could not be copied',
          );
          break;
        case 'stands-again':
          log.info('the file of the store stands at its path again');
          break;
        case 'rescued-taken':
          log.warn(
            { from: event.from },
            'the store had no file: the copy that was rescued of it took its place',
          );
          break;
        case 'rescued-left':
          log.warn(
            { copies: event.copies },
            'rescued copies stand beside the file of the store, and are not in use: docs/repair.md',
          );
          break;
      }
    },
    /** The next call starts another one. */
    databaseThreadLost(detail: string): void {
      log.error({ detail }, 'database thread lost, its calls count as failed');
    },
  };
}
