import type { EventLog } from '#event-log/event-log.ts';
import { pipelineTopics } from '#event-log/pipeline-topics.ts';
import { startDeadLetterMonitor } from '#processors/dead-letters/monitor.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { httpPortFree, needsKafka } from '#runtime/configuration-checks.ts';
import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import { startLagMonitor } from './lag-monitor.ts';
import { startTopicWatch } from './topic-watch.ts';

const DEFAULT_HTTP_PORT = 8082;

/** What this process needs of its configuration. */
export const LAG_MONITOR_CHECKS: readonly ConfigurationCheck[] = [
  needsKafka(
    'the lag monitor is a process of its own (`npm start` monitors itself; `--once` looks at it from beside)',
  ),
  httpPortFree(DEFAULT_HTTP_PORT),
];

export interface LagMonitorService extends RunningService {
  readonly httpPort: number;
}

/**
 * `npm run lag-monitor`: the lag monitor, the dead-letter monitor and the watch over topics with their HTTP surface, on a log that was opened
 * for them and is closed with them.
 *
 * @throws PipelineError `configuration` when the HTTP port cannot be had
 */
export async function startLagMonitorService(
  settings: Settings,
  eventLog: EventLog,
  deps: Deps & { readonly contract: Pick<ContractInForce, 'readAgain' | 'health'> },
): Promise<LagMonitorService> {
  await using resources = new AsyncDisposableStack();
  resources.use(eventLog);
  const target = { topic: settings.topics.telemetry, group: settings.consumerGroup };
  const monitor = resources.use(startLagMonitor({ targets: [target] }, { ...deps, eventLog }));
  resources.use(startTopicWatch({ topics: pipelineTopics(settings) }, { ...deps, eventLog }));
  const { topics, deadLetterRetentionMs: retentionMs } = settings;
  resources.use(startDeadLetterMonitor({ topics, retentionMs }, { ...deps, eventLog }));
  const http = resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => {
        const { up, detail } = monitor.health();
        return { log: { required: true, up, ...(!up && { detail }) }, contract: deps.contract.health() };
      },
    }),
  );
  const owned = resources.move();
  return {
    httpPort: http.port,
    // Nothing here can fail for good: the log is asked again for ever.
    failed: new Promise<never>(() => undefined),
    reload: () => deps.contract.readAgain(),
    stop: () => owned.disposeAsync(),
  };
}
