import type { EventLog } from '#event-log/event-log.ts';
import { AuditLog } from '#runtime/audit-log.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { httpPortFree, needsKafka } from '#runtime/configuration-checks.ts';
import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { consoleProtected } from './access/console-checks.ts';
import { startConsole } from './console-server.ts';
import { devicesOfTargets } from './devices/device-sources.ts';
import { samplesOfTargets } from './flow/process-samples.ts';
import { TargetHttp } from './target-http.ts';

const DEFAULT_HTTP_PORT = 8084;

const namesTargets: ConfigurationCheck = {
  variables: ['CONSOLE_TARGETS'],
  run({ settings }) {
    if (settings.console.targets !== undefined) return;
    throw new PipelineError(
      'configuration',
      'CONSOLE_TARGETS: expected a list of addresses such as http://gateway-1:8080,http://processors-1:8081, for these processes are what the console shows',
    );
  },
};

/** What this process needs of its configuration. */
export const CONSOLE_CHECKS: readonly ConfigurationCheck[] = [
  needsKafka('a console of its own shows other processes (`npm start` serves its own)'),
  namesTargets,
  consoleProtected,
  httpPortFree(DEFAULT_HTTP_PORT),
];

export interface ConsoleService extends RunningService {
  readonly httpPort: number;
}

/**
 * `npm run console`: the console of a distributed pipeline, on a log and a store that were opened for it and are closed with it.
 * Whatever is away is told by the answers; nothing is waited for.
 *
 * @throws PipelineError `configuration` when the HTTP port cannot be had
 */
export async function startConsoleService(
  settings: Settings,
  parts: { readonly eventLog: EventLog; readonly store: TelemetryStore; readonly contract: ContractInForce },
  deps: Deps,
): Promise<ConsoleService> {
  const { eventLog, store, contract } = parts;
  await using resources = new AsyncDisposableStack();
  resources.use(store);
  resources.use(eventLog);
  const audit =
    settings.auditLog && resources.use(new AuditLog(settings.auditLog, deps.now, lostLines(deps)));
  const targets = (settings.console.targets ?? []).map((url) => new TargetHttp(url, settings.http.token));
  const console = resources.use(
    startConsole(
      settings,
      {
        mode: 'distributed',
        takeSamples: samplesOfTargets(targets),
        devices: devicesOfTargets(targets),
        eventLog,
        store,
        contract,
        topics: settings.topics,
        group: settings.consumerGroup,
      },
      deps,
      audit,
    ),
  );
  const http = resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => ({ log: { required: false, ...eventLog.health() }, contract: contract.health() }),
      routes: console.routes,
    }),
  );
  const owned = resources.move();
  return {
    httpPort: http.port,
    // Nothing here can fail for good: everything is asked again.
    failed: new Promise<never>(() => undefined),
    reload: () => contract.readAgain(),
    stop: () => owned.disposeAsync(),
  };
}

function lostLines({ log }: Deps): (lines: number, reason: string) => void {
  return (lines, reason) => log.error({ lines, reason }, 'the audit log (AUDIT_LOG_FILE) cannot be written');
}
