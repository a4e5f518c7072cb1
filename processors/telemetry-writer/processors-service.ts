import type { EventLog } from '#event-log/event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { httpPortFree, needsKafka } from '#runtime/configuration-checks.ts';
import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type ReadinessCheck, startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { readingsRoutes } from './readings-api.ts';
import { StoreHealth } from './store-health.ts';
import { startTelemetryWriter, type TelemetryWriter } from './telemetry-writer.ts';

const DEFAULT_HTTP_PORT = 8081;

export interface ProcessorsParts {
  readonly eventLog: EventLog;
  readonly store: TelemetryStore;
  readonly contract: ContractInForce;
}

export interface ProcessorsService extends RunningService {
  readonly httpPort: number;
}

const WHY_SHARED = 'processors are processes of their own (the embedded pipeline is `npm start`)';

/** What this process needs of its configuration: what processors work on is shared, which embedded files are not. */
export const PROCESSORS_CHECKS: readonly ConfigurationCheck[] = [
  needsKafka(WHY_SHARED),
  {
    variables: ['INFLUX_URL'],
    run({ values }) {
      if (values.INFLUX_URL !== undefined) return;
      throw new PipelineError(
        'configuration',
        `INFLUX_URL: expected an http(s) address, because ${WHY_SHARED}`,
      );
    },
  },
  httpPortFree(DEFAULT_HTTP_PORT),
];

/**
 * `npm run processors`: a telemetry-writer with its HTTP surface, on a log and a store that were opened for it and are
 * closed with it. Whatever is away at the start is waited for.
 *
 * @throws PipelineError `configuration`
 */
export async function startProcessors(
  settings: Settings,
  parts: ProcessorsParts,
  deps: Deps,
): Promise<ProcessorsService> {
  const { eventLog, store, contract } = parts;
  const { topics, consumerGroup: group, storeRejectAll: rejectAll } = settings;
  await using resources = new AsyncDisposableStack();
  resources.use(store);
  resources.use(eventLog);

  const stopping = new AbortController();
  resources.defer(() => stopping.abort());
  let writer: TelemetryWriter | undefined;
  const storeHealth = resources.use(new StoreHealth(store, () => writer?.health()));
  const http = resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => ({
        ...readinessOf(eventLog, storeHealth, writer),
        contract: contract.health(),
      }),
      routes: readingsRoutes(store),
    }),
  );
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  // In the background: the log may be away for long, and /readyz must say so meanwhile.
  const started = (async () => {
    await ensureTopicsEventually(eventLog, pipelineTopics(settings), deps.random, stopping.signal);
    if (stopping.signal.aborted) return;
    const options = {
      telemetryTopic: topics.telemetry,
      deadLetterTopic: topics.deadLetters,
      group,
      rejectAll,
      tags: settings.storeTags,
      limits: settings.limits,
    };
    writer = await startTelemetryWriter(options, { ...deps, eventLog, store, schemas: contract.schemas });
    writer.failed.catch(failure.reject);
  })();
  started.catch(failure.reject);

  const owned = resources.move();
  return {
    httpPort: http.port,
    reload: () => contract.readAgain(),
    failed: failure.promise,
    stop: async () => {
      stopping.abort();
      await started.catch(() => undefined);
      await writer?.stop();
      await owned.disposeAsync();
    },
  };
}

function readinessOf(
  eventLog: EventLog,
  storeHealth: StoreHealth,
  writer: TelemetryWriter | undefined,
): Record<string, ReadinessCheck> {
  const log = eventLog.health();
  const consumerTrouble =
    writer === undefined ? 'the consumer is not started yet' : writer.health().consumerTrouble;
  const logTrouble = log.up ? consumerTrouble : log.detail;
  const storeTrouble = storeHealth.trouble();
  return {
    log: {
      required: true,
      up: logTrouble === undefined,
      ...(logTrouble !== undefined && { detail: logTrouble }),
    },
    store: {
      required: true,
      up: storeTrouble === undefined,
      ...(storeTrouble !== undefined && { detail: storeTrouble }),
    },
  };
}
