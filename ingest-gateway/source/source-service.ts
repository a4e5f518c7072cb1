import { createRequire } from 'node:module';
import type { EventLog } from '#event-log/event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import { gatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { openIntake } from '#ingest-gateway/intake/open-intake.ts';
import { parserProblem } from '#ingest-gateway/parser-version.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { httpPortFree, needsKafka } from '#runtime/configuration-checks.ts';
import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { startHttpServer } from '#runtime/http-server.ts';
import type { RunningService } from '#runtime/run-service.ts';
import type { Settings } from '#runtime/settings.ts';
import { SOURCE_CHECKS } from './source-checks.ts';
import { startSources } from './sources.ts';

const DEFAULT_HTTP_PORT = 8083;
/** Nobody connects here: there is no file of who may. */
const NO_FILES = {
  credentials: undefined,
  bans: undefined,
  certificates: undefined,
  'token-keys': undefined,
};

/** What this process needs of its configuration. */
export const SOURCE_SERVICE_CHECKS: readonly ConfigurationCheck[] = [
  needsKafka(
    'a source of its own needs an event log that other processes can read (npm start with MQTT_SOURCE_URL runs everything in one process, without Kafka)',
  ),
  {
    variables: ['MQTT_SOURCE_URL'],
    run({ settings }) {
      if (settings.source === undefined)
        throw new PipelineError(
          'configuration',
          'MQTT_SOURCE_URL: expected a list of addresses to read from',
        );
    },
  },
  ...SOURCE_CHECKS,
  httpPortFree(DEFAULT_HTTP_PORT),
];

/**
 * Sources as a process of their own: from the brokers to the log, with an HTTP surface. Takes `deps.eventLog` over and
 * closes it.
 *
 * @param name written into the records' header `gateway`.
 * @throws PipelineError `configuration` when another mqtt-packet is installed than the one that is known.
 */
export async function startSourceService(
  settings: Settings,
  name: string,
  deps: Deps & { readonly eventLog: EventLog; readonly contract: ContractInForce },
): Promise<RunningService> {
  const { source } = settings;
  if (source === undefined) throw new PipelineError('configuration', 'MQTT_SOURCE_URL: expected an address');
  const problem = parserProblem(createRequire(import.meta.url));
  if (problem !== undefined) throw new PipelineError('configuration', problem);
  const { contract } = deps;
  await using resources = new AsyncDisposableStack();
  const eventLog = resources.use(deps.eventLog);
  const stopping = new AbortController();
  resources.defer(() => stopping.abort());
  const limits = gatewayLimits(settings.limits);
  const { intake, budget, telemetry, watchDevices } = openIntake(
    { topics: settings.topics, gatewayName: name, auditLog: undefined, limits },
    deps,
    () => ({
      connectedDevices: 0,
      waitingLogins: 0,
      pausedDevices: sources.paused(),
      unreadBytes: 0,
      fileProblems: NO_FILES,
    }),
  );
  const sources = startSources(
    { settings: source, limits, ackDeadlineMs: settings.mqtt.ackDeadlineMs },
    { ...deps, intake, budget, isLogUp: () => eventLog.health().up },
  );
  resources.defer(() => sources.stop());
  resources.use(watchDevices());
  resources.use(
    await startHttpServer({
      ...settings.http,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => ({
        source: { required: true, ...sources.health() },
        eventLog: { required: true, ...eventLog.health() },
        contract: contract.health(),
      }),
      routes: (server) => {
        server.get('/api/accounting', async () => telemetry.accounting());
      },
    }),
  );
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  // In the background: without a log the source waits, and answers that it is not ready.
  ensureTopicsEventually(eventLog, pipelineTopics(settings), deps.random, stopping.signal).catch(
    failed.reject,
  );
  const owned = resources.move();
  return { failed: failed.promise, reload: () => contract.readAgain(), stop: () => owned.disposeAsync() };
}
