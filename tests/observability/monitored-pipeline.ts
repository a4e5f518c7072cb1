import { choosePorts } from '#runtime/choose-ports.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { type Fleet, startFleet } from '#simulator/fleet.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

/** Processes of the pipeline, by the job under which Prometheus scrapes them. */
export class MonitoredPipeline<Job extends string> implements AsyncDisposable {
  readonly processes: Readonly<Record<Job, PipelineProcess>>;
  /** `host:port` by job. */
  readonly targets: Readonly<Record<Job, string>>;
  readonly mqttUrl: string;

  constructor(
    processes: Readonly<Record<Job, PipelineProcess>>,
    targets: Readonly<Record<Job, string>>,
    mqttPort: number,
  ) {
    this.processes = processes;
    this.targets = targets;
    this.mqttUrl = `mqtt://127.0.0.1:${mqttPort}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Object.values<PipelineProcess>(this.processes).map((each) => each.kill()));
  }
}

const ENTRIES = {
  standalone: 'standalone/main.ts',
  // In this order: the gateway makes the topics that the lag monitor needs to be ready.
  'ingest-gateway': 'ingest-gateway/main.ts',
  processors: 'processors/telemetry-writer/main.ts',
  'lag-monitor': 'processors/lag-monitor/main.ts',
} as const;

export const DISTRIBUTED_JOBS = ['ingest-gateway', 'processors', 'lag-monitor'] as const;

/** Starts one process for each job; resolves once all are ready. */
export async function startMonitoredPipeline<Job extends keyof typeof ENTRIES>(
  jobs: readonly Job[],
  env: Readonly<Record<string, string>>,
): Promise<MonitoredPipeline<Job>> {
  const [mqttPort = 0, ...httpPorts] = await choosePorts([undefined, ...jobs.map(() => undefined)]);
  const processes = jobs.map((job, index) => {
    const httpPort = httpPorts[index] ?? 0;
    const process = new PipelineProcess({
      command: [ENTRIES[job]],
      env: { LOG_LEVEL: 'warn', MQTT_PORT: String(mqttPort), ...env },
      httpPort,
    });
    return { job, process, target: `127.0.0.1:${httpPort}` };
  });
  const byJob = <Value>(take: (each: (typeof processes)[number]) => Value) =>
    Object.fromEntries(processes.map((each) => [each.job, take(each)])) as Record<Job, Value>;
  const pipeline = new MonitoredPipeline(
    byJob(({ process }) => process),
    byJob(({ target }) => target),
    mqttPort,
  );
  try {
    for (const { process } of processes) await process.start();
  } catch (error) {
    await pipeline[Symbol.asyncDispose]();
    throw error;
  }
  return pipeline;
}

/** Devices that send a reading a second each, some of them malformed. */
export function startDevices(mqttUrl: string, devices: number, malformed: number): Fleet {
  const [first, ...others] = loadSchemas().values();
  if (first === undefined) throw new Error('no schemas');
  const log = createLogger({ name: 'devices', level: 'fatal' }, { write: () => undefined });
  return startFleet(
    {
      urls: [mqttUrl],
      devices: Array.from({ length: devices }, (_, index) => ({ id: `device-${index + 1}` })),
      schemas: [first, ...others],
      seed: 6,
      batch: 1,
      qos: 1,
      pace: { rate: 1, burstFactor: 1, burstEvery: 60, burstLength: 0 },
      malformed,
    },
    { log, now: Date.now, random: Math.random },
  );
}
