import { consoleProtected } from '#console/server/access/console-checks.ts';
import { type Console, startConsole } from '#console/server/console-server.ts';
import { devicesOf } from '#console/server/devices/device-sources.ts';
import { ownSamples } from '#console/server/flow/process-samples.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import { type IngestGateway, startIngestGateway } from '#ingest-gateway/gateway.ts';
import { GATEWAY_CHECKS } from '#ingest-gateway/gateway-checks.ts';
import { gatewayRoutes } from '#ingest-gateway/gateway-routes.ts';
import { SOURCE_CHECKS } from '#ingest-gateway/source/source-checks.ts';
import { startDeadLetterMonitor } from '#processors/dead-letters/monitor.ts';
import { type LagMonitor, startLagMonitor } from '#processors/lag-monitor/lag-monitor.ts';
import { startTopicWatch } from '#processors/lag-monitor/topic-watch.ts';
import { readingsRoutes } from '#processors/telemetry-writer/readings-api.ts';
import { StoreHealth } from '#processors/telemetry-writer/store-health.ts';
import { startTelemetryWriter, type TelemetryWriter } from '#processors/telemetry-writer/telemetry-writer.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { dataFolderUsable, httpPortFree } from '#runtime/configuration-checks.ts';
import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { type ReadinessCheck, startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import type { PipelineTotals } from './status-line.ts';

const DEFAULT_HTTP_PORT = 8080;
/** Less than the interval of the lag monitor of its own process: here a look costs one query. */
const LAG_INTERVAL_MS = 2_000;

/** What this process needs of its configuration. */
export const PIPELINE_CHECKS: readonly ConfigurationCheck[] = [
  dataFolderUsable,
  ...GATEWAY_CHECKS,
  ...SOURCE_CHECKS,
  consoleProtected,
  httpPortFree(DEFAULT_HTTP_PORT),
];

export interface PipelineParts {
  readonly eventLog: EventLog;
  readonly store: TelemetryStore;
  readonly contract: ContractInForce;
}

export interface Pipeline extends RunningService {
  reload(): void;
  /** Of plain MQTT; `undefined` = off. */
  readonly mqttPort: number | undefined;
  readonly httpPort: number;
  totals(): PipelineTotals;
}

/**
 * The whole pipeline in one process: gateway, telemetry-writer, lag monitor and dead-letter monitor around one log and
 * one store, which are closed with it. The parts meet in the log only, as they would in processes of their own.
 *
 * What consumes begins once the topics are there: a Kafka may be away for long, and devices are told so meanwhile. It stops in the direction of the data: the gateway, then
 * the writer, then log and store.
 *
 * @throws PipelineError `configuration`: a port is taken, credentials or certificates cannot be used
 */
export async function startPipeline(settings: Settings, parts: PipelineParts, deps: Deps): Promise<Pipeline> {
  const { eventLog, store, contract } = parts;
  const { topics } = settings;
  await using resources = new AsyncDisposableStack();
  resources.use(store);
  resources.use(eventLog);

  let writer: TelemetryWriter | undefined;
  let lagMonitor: LagMonitor | undefined;
  const storeHealth = resources.use(new StoreHealth(store, () => writer?.health()));
  const stopping = new AbortController();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);

  const gateway = await startIngestGateway(
    {
      mqtt: settings.mqtt,
      source: settings.source,
      topics,
      name: 'standalone',
      auditLog: settings.auditLog,
      limits: settings.limits,
    },
    { ...deps, eventLog, contract },
  );
  resources.use(gateway);
  const console: Console | undefined = settings.console.isOn
    ? startConsole(
        settings,
        {
          mode: 'standalone',
          takeSamples: ownSamples(deps.metrics),
          devices: devicesOf(gateway),
          eventLog,
          store,
          contract,
          topics,
          group: settings.consumerGroup,
        },
        deps,
        gateway.audit,
      )
    : undefined;
  if (console !== undefined) resources.use(console);
  const http = resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => readinessOf(gateway, storeHealth, writer, lagMonitor),
      routes: (server, door) => {
        gatewayRoutes(gateway)(server);
        readingsRoutes(store)(server);
        console?.routes(server, door);
      },
    }),
  );

  const consumers = new AsyncDisposableStack();
  const consuming = (async () => {
    await ensureTopicsEventually(eventLog, pipelineTopics(settings), deps.random, stopping.signal);
    if (stopping.signal.aborted) return;
    const group = settings.consumerGroup;
    lagMonitor = startLagMonitor(
      { targets: [{ topic: topics.telemetry, group }], intervalMs: LAG_INTERVAL_MS },
      { ...deps, eventLog },
    );
    consumers.use(lagMonitor);
    consumers.use(startTopicWatch({ topics: pipelineTopics(settings) }, { ...deps, eventLog }));
    consumers.use(
      startDeadLetterMonitor({ topics, retentionMs: settings.deadLetterRetentionMs }, { ...deps, eventLog }),
    );
    writer = await startTelemetryWriter(
      {
        telemetryTopic: topics.telemetry,
        deadLetterTopic: topics.deadLetters,
        group,
        rejectAll: settings.storeRejectAll,
        tags: settings.storeTags,
        limits: settings.limits,
      },
      { ...deps, eventLog, store, schemas: contract.schemas },
    );
    consumers.use(writer);
    writer.failed.catch(failure.reject);
  })();
  consuming.catch(failure.reject);

  const owned = resources.move();
  return {
    mqttPort: gateway.ports.tcp,
    httpPort: http.port,
    failed: failure.promise,
    reload() {
      contract.readAgain();
      gateway.readFilesAgain();
    },
    totals: () => totalsOf(deps.now(), gateway, writer, lagMonitor),
    stop: async () => {
      stopping.abort();
      await gateway.stop();
      await consuming.catch(() => undefined);
      await consumers.disposeAsync();
      await owned.disposeAsync();
    },
  };
}

/** Devices need MQTT and the log. A store that is away delays readings and loses none: told, not required. */
function readinessOf(
  gateway: IngestGateway,
  storeHealth: StoreHealth,
  writer: TelemetryWriter | undefined,
  lagMonitor: LagMonitor | undefined,
): Readonly<Record<string, ReadinessCheck>> {
  const trouble =
    writer === undefined
      ? 'the writer is not started yet'
      : (storeHealth.trouble() ?? writer.health().consumerTrouble);
  const lag = lagMonitor?.health() ?? { up: false, detail: 'starting' };
  return {
    ...gateway.readiness(),
    telemetryWriter: { required: false, up: trouble === undefined, ...(trouble && { detail: trouble }) },
    lagMonitor: { required: false, up: lag.up, ...(!lag.up && { detail: lag.detail }) },
  };
}

function totalsOf(
  atMs: number,
  gateway: IngestGateway,
  writer: TelemetryWriter | undefined,
  lagMonitor: LagMonitor | undefined,
): PipelineTotals {
  const ingest = gateway.accounting();
  const written = writer?.accounting() ?? { stored: 0, deadLettered: 0 };
  const partitions = (lagMonitor?.lags() ?? []).flatMap(([, lags]) => lags);
  return {
    atMs,
    connectedDevices: gateway.connectedDevices(),
    decodedReadings: ingest.decoded,
    storedReadings: written.stored,
    deadLetters: ingest.deadLettered + written.deadLettered,
    lagRecords: partitions.reduce((sum, partition) => sum + partition.records, 0),
  };
}
