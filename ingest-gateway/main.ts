import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { ensureTopicsEventually, pipelineTopics } from '#event-log/pipeline-topics.ts';
import { PipelineError } from '#runtime/errors.ts';
import { startHttpServer } from '#runtime/http-server.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { type RunningService, runService } from '#runtime/run-service.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';
import { startIngestGateway } from './gateway.ts';
import { gatewayRoutes } from './gateway-routes.ts';

const DEFAULT_HTTP_PORT = 8080;

const log = createLogger({ name: 'ingest-gateway', level: 'info' });
await runService(log, process, start);

async function start(): Promise<RunningService> {
  const { settings, warnings } = readSettings(process.env, (file) => readFileSync(file, 'utf8'));
  log.level = settings.logLevel;
  for (const warning of warnings) log.warn(warning);
  if (settings.kafka === undefined) {
    throw new PipelineError(
      'configuration',
      'KAFKA_BROKERS: expected a list "host:port,host:port", because a gateway of its own shares the event log with ' +
        'other processes (npm start runs everything in one process without Kafka)',
    );
  }
  return startGateway(settings);
}

async function startGateway(settings: Settings): Promise<RunningService> {
  const deps = { log, metrics: new Registry(), now: Date.now, random: Math.random };
  const schemas = loadSchemas(settings.schemaDir);
  const stopping = new AbortController();
  await using resources = new AsyncDisposableStack();
  const eventLog = resources.use(await openEventLog(settings, 'owner', deps));
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  ensureTopicsEventually(eventLog, pipelineTopics(settings), deps.random, stopping.signal).catch(
    failed.reject,
  );
  const gateway = resources.use(
    await startIngestGateway(
      { mqtt: settings.mqtt, topics: settings.topics, name: hostname() },
      { ...deps, eventLog, schemas },
    ),
  );
  resources.use(
    await startHttpServer({
      host: settings.http.host,
      port: settings.http.port ?? DEFAULT_HTTP_PORT,
      metrics: deps.metrics,
      readiness: () => gateway.readiness(),
      routes: gatewayRoutes(gateway),
    }),
  );
  const owned = resources.move();
  return {
    failed: failed.promise,
    async stop() {
      stopping.abort();
      await owned.disposeAsync();
    },
  };
}
