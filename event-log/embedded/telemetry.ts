import { Counter, Gauge } from 'prom-client';
import { createEventLogTelemetry } from '#event-log/telemetry.ts';
import { createClockTelemetry } from '#runtime/clock-telemetry.ts';
import type { Deps } from '#runtime/deps.ts';
import { keptWords } from '#sqlite/displacement-watch.ts';
import type { LogThreadEvent, ShareUse } from './log-thread-calls.ts';
import type { MendedLog } from './mend-log.ts';
import { shareUsed } from './share-limit.ts';

export type EmbeddedLogTelemetry = ReturnType<typeof createEmbeddedLogTelemetry>;

/** At most one line a topic in this time about removal, which in a log of some age happens with every look. */
const REMOVAL_LINE_MS = 10 * 60 * 1000;

/** The events of the embedded log: those of every event log, and those about its file. */
export function createEmbeddedLogTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'event-log' });
  const registers = [deps.metrics];
  const bytes = new Gauge({
    name: 'event_log_bytes',
    help: 'Bytes of records and indexes in the log file (embedded log only)',
    registers,
  });
  const maxBytes = new Gauge({
    name: 'event_log_max_bytes',
    help: 'Bytes at which the log refuses records, EMBEDDED_MAX_BYTES (embedded log only)',
    registers,
  });
  const walBytes = new Gauge({
    name: 'event_log_wal_bytes',
    help: 'Bytes of the write-ahead log beside the log file, which grows while something keeps reading one state of it; what is beyond 16 MiB counts against the limit (embedded log only)',
    registers,
  });
  const rebuilt = new Counter({
    name: 'event_log_rebuilt_total',
    help: 'How often the log file was found damaged and made anew from what could be read (embedded log only)',
    registers,
  });
  const lostRecords = new Counter({
    name: 'event_log_rebuilt_lost_total',
    help: 'What is known to be missing in a log file made anew: readings as records, letters as rows (embedded log only)',
    labelNames: ['topic'],
    registers,
  });
  // Not measured yet: no series is better than a 0 that looks like an empty log.
  for (const gauge of [bytes, maxBytes, walBytes]) gauge.remove();

  const clock = createClockTelemetry(deps, 'event-log');
  const shareBytes = new Gauge({
    name: 'event_log_share_bytes',
    help: 'Bytes that a topic with a share of the log file takes (embedded log only)',
    labelNames: ['topic'],
    registers: [deps.metrics],
  });
  const shareUsedRatio = new Gauge({
    name: 'event_log_share_used_ratio',
    help: 'How full the share of a topic is, or what one device may have of it, whichever is fuller; 1 = refused (embedded log only)',
    labelNames: ['topic'],
    registers: [deps.metrics],
  });
  let spaceShort = false;
  let fileTrouble: string | undefined;
  const sharesFilling = new Set<string>();
  /** By topic and kind: records that no line has told yet, and when the last line was written. */
  const removals = new Map<string, { records: number; toldAt: number }>();
  const fileMended = ({ damage, keptAs, topics }: MendedLog): void => {
    rebuilt.inc();
    fileTrouble = `it was damaged (${damage}) and made anew; the damaged one is ${keptAs}`;
    for (const { topic, lost } of topics) lostRecords.inc({ topic }, lost);
    log.error(
      { damage, keptAs, topics },
      'the log file was damaged: it was made anew from what could be read, and the damaged one is kept',
    );
  };
  return {
    ...createEventLogTelemetry(deps),
    sizeMeasured(size: { readonly usedBytes: number; readonly walBytes: number }, limitBytes: number): void {
      bytes.set(size.usedBytes);
      walBytes.set(size.walBytes);
      maxBytes.set(limitBytes);
    },
    ...clock,
    /** Said once when a share fills up, and once when it has room again. */
    shareMeasured(topic: string, share: ShareUse, filling: boolean): void {
      shareBytes.set({ topic }, share.bytes);
      shareUsedRatio.set({ topic }, shareUsed(share));
      if (filling && !sharesFilling.has(topic)) {
        log.warn(
          { topic, ...share },
          'dead letters fill their share of the event log; when it is full, messages that need one are not acknowledged',
        );
        sharesFilling.add(topic);
      } else if (!filling && sharesFilling.delete(topic)) {
        log.info({ topic, ...share }, 'dead letters have room again');
      }
    },
    /** @param forSpace before their retention time. */
    recordsRemoved(topic: string, records: number, forSpace: boolean): void {
      const key = `${topic} ${forSpace}`;
      const removal = removals.get(key) ?? { records: 0, toldAt: -Infinity };
      removals.set(key, removal);
      removal.records += records;
      if (performance.now() - removal.toldAt < REMOVAL_LINE_MS) return;
      log.info(
        { topic, records: removal.records },
        forSpace
          ? 'records that were consumed or settled removed before their retention time, to make room'
          : 'records removed after their retention time',
      );
      removal.records = 0;
      removal.toldAt = performance.now();
    },
    /**
     * Said once when space gets short, and once when it is not any more.
     *
     * @param heldBy the groups that have not consumed what may not be removed.
     */
    spaceMeasured(
      bytes: { readonly usedBytes: number; readonly heldBytes: number; readonly maxBytes: number },
      short: boolean,
      heldBy: readonly string[],
    ): void {
      const fields = { ...bytes, heldBytes: Math.round(bytes.heldBytes) };
      if (short && !spaceShort) {
        log.warn(
          { ...fields, heldBy },
          'event log is filling up with records that may not be removed; when it is full, devices are not acknowledged any more',
        );
      } else if (!short && spaceShort) {
        log.info(fields, 'event log has room again');
      }
      spaceShort = short;
    },
    /** For people, until the process ends. */
    fileTrouble: (): string | undefined => fileTrouble,
    fileMended,
    /** What a thread says of the file: once each. That it does not stand at its path any more, `becameUnavailable` tells. */
    fileChanged(event: LogThreadEvent): void {
      switch (event.kind) {
        case 'mended':
          fileMended(event.mended);
          break;
        case 'not-mended':
          fileTrouble = event.detail;
          log.error({ detail: event.detail }, 'the log file is damaged and could not be made anew');
          break;
        case 'rescued':
          fileTrouble = keptWords(event.to);
          log.error(
            { to: event.to },
            `the log file was deleted or replaced while it is in use: ${fileTrouble}`,
          );
          break;
        case 'not-rescued':
          fileTrouble = `what the log file holds is nowhere else: ${event.detail}`;
          log.error(
            { detail: event.detail },
            'the log file was deleted or replaced while it is in use, and what it holds could not be copied',
          );
          break;
        case 'stands-again':
          fileTrouble = undefined;
          log.info('the log file stands at its path again');
          break;
      }
    },
    /** At the start. */
    rescuedTaken(from: string): void {
      log.warn({ from }, 'there was no log file: the copy that was rescued of it took its place');
    },
    /** At the start: nothing takes them while a file stands there. */
    rescuedLeft(copies: readonly string[]): void {
      if (copies.length === 0) return;
      const left = `${copies.join(', ')} may hold records that are nowhere else (docs/repair.md)`;
      fileTrouble = fileTrouble === undefined ? left : `${fileTrouble}; ${left}`;
      log.warn({ copies }, 'rescued copies stand beside the log file, and are not in use: docs/repair.md');
    },
    retentionFailed(detail: string): void {
      log.warn({ detail }, 'old records could not be removed, tried again later');
    },
  };
}
