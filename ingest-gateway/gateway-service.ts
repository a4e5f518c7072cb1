import type { EventLog } from '#event-log/event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { httpPortFree, needsKafka } from '#runtime/configuration-checks.ts';
import { startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import { type IngestGatewayDeps, startIngestGateway } from './gateway.ts';
import { GATEWAY_CHECKS } from './gateway-checks.ts';
import { gatewayRoutes } from './gateway-routes.ts';

const DEFAULT_HTTP_PORT = 8080;

/** What this process needs of its configuration. */
export const GATEWAY_SERVICE_CHECKS: readonly ConfigurationCheck[] = [
  needsKafka(
    'a gateway of its own needs an event log that other processes can read (npm start runs everything in one process, without Kafka)',
  ),
  ...GATEWAY_CHECKS,
  httpPortFree(DEFAULT_HTTP_PORT),
];

/**
 * The gateway as a process of its own: MQTT in, its HTTP surface, and the topics it appends to. Takes `deps.eventLog`
 * over and closes it.
 *
 * @param name written into the records' header `gateway`.
 */
export async function startGatewayService(
  settings: Settings,
  name: string,
  deps: IngestGatewayDeps & { readonly eventLog: EventLog },
): Promise<RunningService> {
  await using resources = new AsyncDisposableStack();
  const eventLog = resources.use(deps.eventLog);
  const stopping = new AbortController();
  resources.defer(() => stopping.abort());
  const gateway = resources.use(
    await startIngestGateway(
      {
        mqtt: settings.mqtt,
        topics: settings.topics,
        name,
        auditLog: settings.auditLog,
        limits: settings.limits,
      },
      deps,
    ),
  );
  resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => gateway.readiness(),
      routes: gatewayRoutes(gateway),
    }),
  );
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  // In the background: without a log the gateway runs and answers that it is not ready.
  ensureTopicsEventually(eventLog, pipelineTopics(settings), deps.random, stopping.signal).catch(
    failed.reject,
  );
  const owned = resources.move();
  return {
    failed: failed.promise,
    reload() {
      deps.contract.readAgain?.();
      gateway.readFilesAgain();
    },
    stop: () => owned.disposeAsync(),
  };
}
