import { LIMITS } from '#contract/limits.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import type { Logger } from '#runtime/logger.ts';

/** What a service hands back once it runs. */
export interface RunningService {
  /** Rejects when the service cannot go on; its process then exits 1 and the supervisor starts it again. */
  readonly failed: Promise<never>;
  /** Graceful stop, within `LIMITS.shutdownMs`. */
  stop(): Promise<void>;
}

/** The parts of `process` a service lives by; its own object in tests. */
export interface ProcessControls {
  once(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * The life of a long-running process: start, run until a signal or a failure, stop within a deadline.
 * Exit codes: 0 after SIGTERM or SIGINT, 1 when the service failed or did not stop in time, 2 on wrong configuration,
 * also when that shows only later (a topic of a Kafka that was away at the start).
 * A second signal ends the process at once.
 */
export async function runService(
  log: Logger,
  controls: ProcessControls,
  start: () => Promise<RunningService>,
): Promise<void> {
  const signalled = Promise.withResolvers<'signal'>();
  const onSignal = (): void => {
    signalled.resolve('signal');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) controls.once(signal, () => controls.exit(1));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) controls.once(signal, onSignal);

  let service: RunningService;
  try {
    service = await start();
  } catch (error) {
    for (const line of describeError(error).split('\n')) log.fatal(line);
    return controls.exit(exitCodeOf(error));
  }
  const failure = await Promise.race([
    signalled.promise,
    service.failed.catch((error: unknown) => ({ error })),
  ]);
  if (failure !== 'signal') log.fatal({ reason: describeError(failure.error) }, 'cannot go on, stopping');
  else log.info('stopping');

  const timer = Promise.withResolvers<'late'>();
  const timeout = setTimeout(() => timer.resolve('late'), LIMITS.shutdownMs);
  const stopped = await Promise.race([
    service.stop().then(
      () => 'stopped' as const,
      (error: unknown) => ({ error }),
    ),
    timer.promise,
  ]);
  clearTimeout(timeout);
  if (stopped === 'stopped') log.info('stopped');
  else if (stopped === 'late') log.error({ shutdownMs: LIMITS.shutdownMs }, 'did not stop in time');
  else log.error({ reason: describeError(stopped.error) }, 'stopping failed');
  if (failure !== 'signal') controls.exit(exitCodeOf(failure.error));
  else controls.exit(stopped === 'stopped' ? 0 : 1);
}

function exitCodeOf(error: unknown): 1 | 2 {
  return hasCode(error, 'configuration') || hasCode(error, 'usage') ? 2 : 1;
}
