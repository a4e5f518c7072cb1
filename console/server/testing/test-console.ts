import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { startConsole } from '#console/server/console-server.ts';
import { devicesOf } from '#console/server/devices/device-sources.ts';
import { ownSamples } from '#console/server/flow/process-samples.ts';
import { LIMITS } from '#contract/limits.ts';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { pipelineTopics } from '#event-log/pipeline-topics.ts';
import { type IngestGateway, startIngestGateway } from '#ingest-gateway/gateway.ts';
import { publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { startDeadLetterMonitor } from '#processors/dead-letters/monitor.ts';
import { startLagMonitor } from '#processors/lag-monitor/lag-monitor.ts';
import { startTelemetryWriter, type TelemetryWriter } from '#processors/telemetry-writer/telemetry-writer.ts';
import type { AuditFields } from '#runtime/audit-log.ts';
import { type HttpServer, startHttpServer } from '#runtime/http-server.ts';
import { type Contract, type ContractOptions, loadContract } from '#runtime/load-contract.ts';
import { createLogger } from '#runtime/logger.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

const HOUR_MS = 3_600_000;
const TOPICS = { telemetry: 'readings', deadLetters: 'letters', deadLetterState: 'states' };
const GROUP = 'writer';
const QUICK_MS = 50;

export interface TestConsoleOptions {
  readonly password?: string;
  readonly token?: string;
  readonly trustedProxies?: readonly string[];
  readonly allowedHosts?: readonly string[];
  readonly contract?: Partial<ContractOptions>;
  /** Instead of the embedded ones, which are closed with the console; what is handed in stays open. */
  readonly parts?: { readonly eventLog: EventLog; readonly store: TelemetryStore };
  readonly writes?: boolean;
}

/** A pipeline on real embedded parts with its console, as `npm start` puts them together, on a free port of loopback. */
export class TestConsole implements AsyncDisposable {
  readonly gateway: IngestGateway;
  readonly eventLog: EventLog;
  readonly store: TelemetryStore;
  readonly contract: Contract;
  readonly url: string;
  readonly audited: (AuditFields & { readonly event: string })[];
  readonly topics = TOPICS;
  readonly #resources: AsyncDisposableStack;
  #writer: TelemetryWriter | undefined;

  private constructor(
    http: HttpServer,
    parts: Pick<TestConsole, 'gateway' | 'eventLog' | 'store' | 'contract' | 'audited'>,
    resources: AsyncDisposableStack,
  ) {
    this.gateway = parts.gateway;
    this.eventLog = parts.eventLog;
    this.store = parts.store;
    this.contract = parts.contract;
    this.audited = parts.audited;
    this.url = `http://127.0.0.1:${http.port}`;
    this.#resources = resources;
  }

  static async start(options: TestConsoleOptions = {}): Promise<TestConsole> {
    await using resources = new AsyncDisposableStack();
    const dataDir = mkdtempSync(path.join(tmpdir(), 'console-'));
    resources.defer(() => rmSync(dataDir, { recursive: true, force: true }));
    const metrics = new Registry();
    const log = createLogger({ name: 'test', level: 'fatal' }, { write: () => undefined });
    const deps = { log, metrics, now: Date.now, random: Math.random };
    const { eventLog, store } = options.parts ?? {
      eventLog: resources.use(
        await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1_000_000_000 }, deps),
      ),
      store: resources.use(
        await openEmbeddedTelemetryStore({ dataDir, role: 'owner', retentionDays: 3650 }, deps),
      ),
    };
    await eventLog.ensureTopics(
      pipelineTopics({
        topics: TOPICS,
        telemetryRetentionMs: 168 * HOUR_MS,
        deadLetterRetentionMs: 720 * HOUR_MS,
      }),
    );
    const contract = loadContract({
      schemaDir: undefined,
      mappings: [],
      mappingDir: undefined,
      siteZone: 'UTC',
      ...options.contract,
    });
    const mqtt = {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      webSocketPort: undefined,
      credentialsFile: undefined,
      allowAnonymous: true,
      ackDeadlineMs: 60_000,
    };
    const gateway = resources.use(
      await startIngestGateway({ mqtt, topics: TOPICS, name: 'test' }, { ...deps, eventLog, contract }),
    );
    resources.use(
      startLagMonitor(
        { targets: [{ topic: TOPICS.telemetry, group: GROUP }], intervalMs: QUICK_MS },
        { ...deps, eventLog },
      ),
    );
    resources.use(
      startDeadLetterMonitor(
        { topics: TOPICS, retentionMs: 720 * HOUR_MS, intervalMs: QUICK_MS },
        { ...deps, eventLog },
      ),
    );
    const audited: TestConsole['audited'] = [];
    const console = resources.use(
      startConsole(
        { limits: LIMITS },
        {
          mode: 'standalone',
          takeSamples: ownSamples(metrics),
          devices: devicesOf(gateway),
          eventLog,
          store,
          contract,
          topics: TOPICS,
          group: GROUP,
        },
        deps,
        { write: (event, fields) => void audited.push({ event, ...fields }) },
      ),
    );
    const http = resources.use(
      await startHttpServer({
        host: '127.0.0.1',
        port: 0,
        metrics,
        readiness: () => gateway.readiness(),
        routes: console.routes,
        password: options.password,
        token: options.token,
        trustedProxies: options.trustedProxies ?? [],
        allowedHosts: options.allowedHosts ?? [],
      }),
    );
    const test = new TestConsole(http, { gateway, eventLog, store, contract, audited }, resources.move());
    if (options.writes !== false) {
      test.#writer = await startTelemetryWriter(
        {
          telemetryTopic: TOPICS.telemetry,
          deadLetterTopic: TOPICS.deadLetters,
          group: GROUP,
          rejectAll: 'pause',
        },
        { ...deps, eventLog, store, schemas: contract.schemas },
      );
    }
    return test;
  }

  get mqttPort(): number {
    return this.gateway.ports.tcp ?? 0;
  }

  /** Publishes as the device, and waits until all is acknowledged. */
  async publish(device: string, ...payloads: readonly string[]): Promise<RawClient> {
    const client = await RawClient.device(this.mqttPort, device);
    for (const [index, payload] of payloads.entries()) client.send(publishPacket(device, payload, index + 1));
    await client.take(payloads.length);
    return client;
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  /** @throws Error with what was answered, unless that is 2xx */
  async get<Answer>(path: string): Promise<Answer> {
    const response = await this.ask(`/api/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.ask(`/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** One number of `/metrics`, all series of a name together. */
  async metric(name: string): Promise<number> {
    const text = await (await this.ask('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.stop();
    await this.#resources.disposeAsync();
  }
}

/** A reading that is accepted now. */
export function goodReading(seq: number, ts = Date.now(), temperature = 21.5): string {
  return JSON.stringify({ schema: 'environment/1', ts, seq, values: { temperature, humidity: 44.1 } });
}
