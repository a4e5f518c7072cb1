import { Registry } from 'prom-client';
import {
  type IngestGateway,
  type IngestGatewayDeps,
  type IngestGatewayOptions,
  startIngestGateway,
} from '#ingest-gateway/gateway.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { createLogger } from '#runtime/logger.ts';
import { ControllableEventLog } from './controllable-event-log.ts';

const CONTRACT = loadContract({ schemaDir: undefined, mappings: [], mappingDir: undefined, siteZone: 'UTC' });
export const TEST_TOPICS = { telemetry: 'test.readings', deadLetters: 'test.readings.dlq' };

/** Far from what a busy machine takes: a test that is about a deadline sets its own. */
const PATIENCE_MS = 10 * 60 * 1000;
const PATIENT = { connectMs: PATIENCE_MS, loginRefusalMs: 0, busyAnswerMs: PATIENCE_MS };

export interface TestGateway extends AsyncDisposable {
  readonly gateway: IngestGateway;
  readonly port: number;
  readonly log: ControllableEventLog;
  /** One metric's value, by its exposition name with labels, as in `ingest_refused_total{reason="revoked"}`. */
  metric(series: string): Promise<number | undefined>;
  /** Lines logged so far. */
  readonly lines: readonly string[];
}

/** For tests: a gateway on free ports, anonymous unless told otherwise, in front of a log that the test controls. */
export async function startTestGateway(
  options: Omit<Partial<IngestGatewayOptions>, 'mqtt'> & {
    readonly mqtt?: Partial<IngestGatewayOptions['mqtt']>;
  } = {},
  deps: Partial<IngestGatewayDeps> = {},
): Promise<TestGateway> {
  const log = new ControllableEventLog();
  const metrics = new Registry();
  const lines: string[] = [];
  const logger = createLogger(
    { name: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  const gateway = await startIngestGateway(
    {
      topics: TEST_TOPICS,
      name: 'test-gateway',
      filePollMs: 20,
      ...options,
      limits: { ...PATIENT, ...options.limits },
      mqtt: {
        host: '127.0.0.1',
        port: 0,
        tls: undefined,
        webSocketPort: undefined,
        credentialsFile: undefined,
        allowAnonymous: true,
        ackDeadlineMs: PATIENCE_MS,
        ...options.mqtt,
      },
    },
    {
      log: logger,
      metrics,
      now: Date.now,
      random: Math.random,
      eventLog: log,
      contract: CONTRACT,
      ...deps,
    },
  );
  return {
    gateway,
    port: gateway.ports.tcp ?? 0,
    log,
    lines,
    async metric(series) {
      const text = await metrics.metrics();
      const line = text.split('\n').find((it) => it.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    [Symbol.asyncDispose]: () => gateway.stop(),
  };
}

/** The JSON of one good reading. */
export function reading(seq: number, ts: number = Date.now()): string {
  return JSON.stringify({ schema: 'environment/1', ts, seq, values: { temperature: 21.5, humidity: 40 } });
}
