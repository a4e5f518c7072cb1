import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { choosePorts } from '#runtime/choose-ports.ts';
import { pause } from '#runtime/retry.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { sumOf } from './scraped-metrics.ts';
import { waitForCount } from './wait-for-count.ts';

/** What is measured: the broker library alone, everything in one process, or gateway and writer as their own. */
export type Size = 'bare-broker' | 'embedded' | 'distributed';

export interface Services {
  /** For the processes of the pipeline. */
  readonly env: Readonly<Record<string, string>>;
  /** Process ids, by the name they have in the report. */
  readonly pids: Readonly<Record<string, number>>;
  /** Ends the processes of the pipeline, and so the measurement. */
  readonly signal: AbortSignal;
}

const GATEWAY_ENTRY: Readonly<Record<Size, string>> = {
  'bare-broker': 'benchmarks/bare-broker/main.ts',
  embedded: 'standalone/main.ts',
  distributed: 'ingest-gateway/main.ts',
};
/** Each look costs the writer some milliseconds. */
const LOOK_MS = 100;

/** So long after a burst its processes have given memory back, which is a pause of its own (decision 15). */
const REST_MS = 15_000;

/** A pipeline on fresh data: a folder, topics and a consumer group of its own. */
export class MeasuredPipeline implements AsyncDisposable {
  /** Of each gateway. */
  readonly mqttPorts: readonly number[];
  readonly #size: Size;
  readonly #services: Services;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  readonly #gateways: readonly PipelineProcess[];
  readonly #writer: PipelineProcess | undefined;
  readonly #writerPort: number;

  private constructor(size: Size, services: Services, ports: readonly number[]) {
    const [writerPort = 0, ...ofGateways] = ports;
    const run = randomBytes(4).toString('hex');
    const { signal } = services;
    const env = {
      ...services.env,
      LOG_LEVEL: 'error',
      // The load may come from few devices; what one device may send is measured nowhere here.
      MQTT_MESSAGES_PER_SECOND: '10000',
      TELEMETRY_TOPIC: `readings-${run}`,
      DEAD_LETTER_TOPIC: `letters-${run}`,
      DEAD_LETTER_STATE_TOPIC: `states-${run}`,
      CONSUMER_GROUP: `writer-${run}`,
    };
    this.#size = size;
    this.#services = services;
    this.mqttPorts = ofGateways.filter((_, index) => index % 2 === 0);
    this.#gateways = this.mqttPorts.map((mqttPort, index) => {
      const own = { DATA_DIR: path.join(this.#folder, `gateway-${index}`), MQTT_PORT: String(mqttPort) };
      const httpPort = ofGateways[2 * index + 1] as number;
      return new PipelineProcess({
        command: [GATEWAY_ENTRY[size]],
        env: { ...env, ...own },
        httpPort,
        signal,
      });
    });
    this.#writer =
      size === 'distributed'
        ? new PipelineProcess({
            command: ['processors/telemetry-writer/main.ts'],
            env: { ...env, DATA_DIR: path.join(this.#folder, 'writer') },
            httpPort: writerPort,
            signal,
          })
        : undefined;
    this.#writerPort = size === 'distributed' ? writerPort : (ofGateways[1] as number);
  }

  /** Starts the gateways; a writer that is a process of its own is started by {@link startWriter}. */
  static async start(size: Size, services: Services, gateways = 1): Promise<MeasuredPipeline> {
    const ports = await choosePorts(Array.from({ length: 1 + 2 * gateways }, () => undefined));
    const pipeline = new MeasuredPipeline(size, services, ports);
    try {
      for (const gateway of pipeline.#gateways) await gateway.start();
    } catch (error) {
      await pipeline[Symbol.asyncDispose]();
      throw error;
    }
    return pipeline;
  }

  async startWriter(): Promise<void> {
    await this.#writer?.start();
  }

  /** Of all processes that take part, by name. */
  get pids(): Readonly<Record<string, number>> {
    return { ...this.ownPids, ...(this.#size === 'distributed' && this.#services.pids) };
  }

  /** Of those of the pipeline. */
  get ownPids(): Readonly<Record<string, number>> {
    const name = { 'bare-broker': 'broker', embedded: 'pipeline', distributed: 'gateway' }[this.#size];
    const gateways = this.#gateways.map(({ pid }, i) => [`${name}${i === 0 ? '' : i + 1}`, pid as number]);
    return {
      ...Object.fromEntries(gateways),
      ...(this.#writer?.pid !== undefined && { writer: this.#writer.pid }),
    };
  }

  /** Of the console, where the gateway serves one: embedded. */
  get consoleUrl(): string {
    return `http://127.0.0.1:${this.#writerPort}`;
  }

  /** What the process that writes into the store says of itself. */
  async writerMetrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#writerPort}/metrics`)).text();
  }

  /** Readings in the store since the start, by the writer's own count. */
  async stored(): Promise<number> {
    return sumOf(await this.writerMetrics(), 'writer_readings_stored_total');
  }

  /** Resolves when exactly so many readings are stored; to the time of it. */
  async waitForStored(readings: number): Promise<number> {
    if (this.#size === 'bare-broker') return Date.now();
    return waitForCount(readings, () => this.stored(), LOOK_MS);
  }

  /** Before what is steady is measured. */
  async restAfterBurst(): Promise<void> {
    await pause(REST_MS, this.#services.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.kill();
    for (const gateway of this.#gateways) await gateway.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
