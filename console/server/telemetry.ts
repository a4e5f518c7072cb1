import { Counter, Gauge } from 'prom-client';
import type { AuditFields, AuditTrail } from '#runtime/audit-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';

export type ConsoleTelemetry = ReturnType<typeof createConsoleTelemetry>;

/** What people do with the console; the values of `console_actions_total{action}`. */
export const CONSOLE_ACTIONS = ['login', 'replay', 'dismiss', 'undo', 'submit', 'interrupt'] as const;
export type ConsoleAction = (typeof CONSOLE_ACTIONS)[number];

/** The events of the console: one function = one log line, one metric, one line of the audit log. */
export function createConsoleTelemetry(deps: Pick<Deps, 'log' | 'metrics'>, audit: AuditTrail | undefined) {
  const log = deps.log.child({ part: 'console' });
  const registers = [deps.metrics];
  const worthALine = createWorthALine();
  let watching: (() => number) | undefined;
  new Gauge({
    name: 'console_viewers',
    help: 'Pages of the console that watch the flow now',
    registers,
    collect() {
      this.set(watching?.() ?? 0);
    },
  });
  const dropped = new Counter({
    name: 'console_viewers_dropped_total',
    help: 'Pages that did not take what they were sent, and were let go',
    registers,
  });
  const refused = new Counter({
    name: 'console_logins_refused_total',
    help: 'Wrong passwords and tokens shown to the console',
    registers,
  });
  const actions = new Counter({
    name: 'console_actions_total',
    help: 'What people did with the console; a dry run is none',
    labelNames: ['action'],
    registers,
  });
  for (const action of CONSOLE_ACTIONS) actions.inc({ action }, 0);
  return {
    /** @param viewers how many there are */
    watch(viewers: () => number): void {
      watching = viewers;
    },
    viewerDropped(): void {
      dropped.inc();
      if (worthALine('dropped'))
        log.info('a page of the console did not take what it was sent, and was let go');
    },
    lookFailed(reason: string): void {
      if (worthALine('look')) log.warn({ reason }, 'the console cannot look at the flow');
    },
    requestFailed(path: string, reason: string): void {
      if (worthALine(`request ${path}`)) log.error({ path, reason }, 'the console could not answer');
    },
    loginRefused(address: string): void {
      refused.inc();
      if (worthALine(`login ${address}`)) log.warn({ address }, 'a wrong password was shown to the console');
      audit?.write('console login refused', { address });
    },
    /** Somebody did something, or logged in. @param fields by whom, to what */
    acted(action: ConsoleAction, fields: AuditFields): void {
      actions.inc({ action });
      log.info({ action, ...fields }, 'done by the console');
      audit?.write(`console ${action}`, fields);
    },
    /** What somebody began came to its end. @param fields which job, and how */
    ended(action: ConsoleAction, fields: AuditFields): void {
      log.info({ action, ...fields }, 'done by the console: ended');
      audit?.write(`console ${action} ended`, fields);
    },
  };
}
