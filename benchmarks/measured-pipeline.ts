import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

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
/** Without progress for so long, something is wrong. */
const GIVE_UP_MS = 60_000;

/** A pipeline on fresh data: a folder, topics and a consumer group of its own. */
export class MeasuredPipeline implements AsyncDisposable {
  readonly mqttPort: number;
  readonly #size: Size;
  readonly #services: Services;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  readonly #gateway: PipelineProcess;
  readonly #writer: PipelineProcess | undefined;
  readonly #writerPort: number;

  private constructor(size: Size, services: Services, ports: readonly [number, number, number]) {
    const [mqttPort, httpPort, writerPort] = ports;
    const run = randomBytes(4).toString('hex');
    const { signal } = services;
    const env = {
      ...services.env,
      DATA_DIR: this.#folder,
      MQTT_PORT: String(mqttPort),
      LOG_LEVEL: 'error',
      TELEMETRY_TOPIC: `readings-${run}`,
      DEAD_LETTER_TOPIC: `letters-${run}`,
      DEAD_LETTER_STATE_TOPIC: `states-${run}`,
      CONSUMER_GROUP: `writer-${run}`,
    };
    this.mqttPort = mqttPort;
    this.#size = size;
    this.#services = services;
    this.#gateway = new PipelineProcess({ command: [GATEWAY_ENTRY[size]], env, httpPort, signal });
    this.#writer =
      size === 'distributed'
        ? new PipelineProcess({
            command: ['processors/telemetry-writer/main.ts'],
            env,
            httpPort: writerPort,
            signal,
          })
        : undefined;
    this.#writerPort = size === 'distributed' ? writerPort : httpPort;
  }

  /** Starts the gateway; a writer that is a process of its own is started by {@link startWriter}. */
  static async start(size: Size, services: Services): Promise<MeasuredPipeline> {
    const ports = (await choosePorts([undefined, undefined, undefined])) as [number, number, number];
    const pipeline = new MeasuredPipeline(size, services, ports);
    try {
      await pipeline.#gateway.start();
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
    const name = this.#size === 'distributed' ? 'gateway' : 'pipeline';
    return {
      [this.#size === 'bare-broker' ? 'broker' : name]: this.#gateway.pid as number,
      ...(this.#writer?.pid !== undefined && { writer: this.#writer.pid }),
      ...(this.#size === 'distributed' && this.#services.pids),
    };
  }

  /** Readings in the store since the start, by the writer's own count. */
  async stored(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#writerPort}/metrics`);
    let sum = 0;
    for (const line of (await response.text()).split('\n')) {
      if (line.startsWith('writer_readings_stored_total{')) sum += Number(line.split(' ').at(-1));
    }
    return sum;
  }

  /** Resolves when exactly so many readings are stored; to the time of it. */
  async waitForStored(readings: number): Promise<number> {
    if (this.#size === 'bare-broker') return Date.now();
    let before = -1;
    let movedAt = Date.now();
    for (;;) {
      const stored = await this.stored();
      if (stored === readings) return Date.now();
      if (stored > before) movedAt = Date.now();
      if (stored > readings || Date.now() - movedAt > GIVE_UP_MS) {
        throw new Error(`${readings} readings were acknowledged, but ${stored} are stored`);
      }
      before = stored;
      await sleep(LOOK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.kill();
    await this.#gateway.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
