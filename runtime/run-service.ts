import { LIMITS } from '#contract/limits.ts';
import { fired } from '#runtime/abort-signal.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import type { Logger } from '#runtime/logger.ts';
import type { ProcessIo } from '#runtime/process-io.ts';

/** What a service hands back once it runs. */
export interface RunningService {
  /** Rejects when the service cannot go on; its process then exits 1 and the supervisor starts it again. */
  readonly failed: Promise<never>;
  /** Reads every file again that it can read again; must not throw, and a file that cannot be used changes nothing. */
  reload?(): void;
  /** Graceful stop, within `LIMITS.shutdownMs`. */
  stop(): Promise<void>;
}

/** The parts of its process a service lives by: see `processIo`. */
export type ProcessControls = Pick<ProcessIo, 'signal' | 'exit' | 'onReload'>;

/**
 * The life of a long-running process: start, run until it is told to end or a part fails, stop within a deadline.
 * Asked to reload (SIGHUP, see `processIo`), it reads its files again and goes on; before it runs there is nothing to reload.
 *
 * Exit codes: 0 after SIGTERM, SIGINT or the end of its terminal, 1 when the service failed or did not stop in time, 2 on wrong configuration,
 * also when that shows only later (a topic of a Kafka that was away at the start).
 *
 * Told to end during the start, it gives that `LIMITS.shutdownStartMs`: a service that comes up meanwhile is stopped in order, a
 * start that fails or hangs is left, with exit code 0. Whatever it holds (files, locks, ports) survives a `kill -9`.
 */
export async function runService(
  log: Logger,
  controls: ProcessControls,
  start: () => Promise<RunningService>,
): Promise<void> {
  let service: RunningService | undefined;
  controls.onReload(() => {
    log.info('asked to read all files again');
    service?.reload?.();
  });
  const signalled = fired(controls.signal).then(() => 'signal' as const);
  const starting = outcomeOf(start());
  const started = await Promise.race([starting, signalled]);
  if (started === 'signal') return controls.exit(await leaveStart(log, starting));
  if ('error' in started) {
    for (const line of describeError(started.error).split('\n')) log.fatal(line);
    return controls.exit(exitCodeOf(started.error));
  }
  service = started.value;
  const end = await Promise.race([signalled, outcomeOf<never>(service.failed)]);
  if (end === 'signal') {
    log.info('stopping');
    return controls.exit(await stop(log, service, LIMITS.shutdownMs));
  }
  log.fatal({ reason: describeError(end.error) }, 'cannot go on, stopping');
  await stop(log, service, LIMITS.shutdownMs);
  controls.exit(exitCodeOf(end.error));
}

/** @returns the exit code. */
async function leaveStart(log: Logger, starting: Promise<Outcome<RunningService>>): Promise<0 | 1> {
  log.info('stopping before the start is complete');
  const signalledAt = performance.now();
  const started = await within(LIMITS.shutdownStartMs, starting);
  if (started === 'late') {
    log.warn({ shutdownStartMs: LIMITS.shutdownStartMs }, 'the start does not come to an end, leaving it');
    return 0;
  }
  if ('error' in started) {
    log.warn({ reason: describeError(started.error) }, 'the start failed');
    return 0;
  }
  return stop(log, started.value, LIMITS.shutdownMs - (performance.now() - signalledAt));
}

/** @returns the exit code of a process that was told to stop. */
async function stop(log: Logger, service: RunningService, deadlineMs: number): Promise<0 | 1> {
  const stopped = await within(deadlineMs, outcomeOf(service.stop()));
  if (stopped === 'late') log.error({ shutdownMs: LIMITS.shutdownMs }, 'did not stop in time');
  else if ('error' in stopped) log.error({ reason: describeError(stopped.error) }, 'stopping failed');
  else {
    log.info('stopped');
    return 0;
  }
  return 1;
}

type Outcome<T> = ([T] extends [never] ? never : { readonly value: T }) | { readonly error: unknown };

/** Never rejects, so that it may come to its end when nobody waits for it any more. */
function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  return work.then(
    (value) => ({ value }) as Outcome<T>,
    (error: unknown) => ({ error }),
  );
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function exitCodeOf(error: unknown): 1 | 2 {
  return hasCode(error, 'configuration') || hasCode(error, 'usage') ? 2 : 1;
}
