import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePorts } from '#runtime/choose-ports.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { chooseSchemas } from '#simulator/choose-schemas.ts';
import { startFleet } from '#simulator/fleet.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

/** A device measures at most once a millisecond and may publish 2,000 messages at once: enough of them, and neither is the limit. */
export const DEVICES = 400;

export interface Setup {
  readonly name: string;
  readonly batch: number;
  /** Messages of each device. */
  readonly count: number;
  /**
   * `distributed`: gateway and processor as processes of their own, on the services that `env` names. `bare-broker`: an
   * Aedes that acknowledges at once and keeps nothing, to tell what the fleet itself costs.
   */
  readonly size: 'standalone' | 'distributed' | 'bare-broker';
  readonly env: Readonly<Record<string, string>>;
}

/** All rates in readings a second, of one run: from the first publish to the last acknowledgement, and to the last point. */
export interface Result {
  readonly acknowledgedPerSecond: number;
  readonly storedPerSecond: number;
  readonly pubackP50Ms: number;
  readonly pubackP99Ms: number;
  /** Resident memory of the process with the gateway at the end. */
  readonly residentMiB: number;
}

/** One run of a fleet that publishes as fast as acknowledgements allow, on fresh data. */
export async function measureEndToEnd(setup: Setup): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  try {
    await using processes = new AsyncDisposableStack();
    const { mqttPort, gateway, writer } = await startProcesses(setup, folder, processes);
    const total = DEVICES * setup.count * setup.batch;
    const startedAt = performance.now();
    await using fleet = startFleet(
      {
        urls: [`mqtt://127.0.0.1:${mqttPort}`],
        devices: Array.from({ length: DEVICES }, (_, index) => ({ id: `bench-${index + 1}` })),
        schemas: chooseSchemas(loadSchemas()),
        seed: 1,
        batch: setup.batch,
        qos: 1,
        count: setup.count,
      },
      { log: createLogger({ name: 'bench', level: 'silent' }), now: Date.now, random: Math.random },
    );
    await fleet.ended;
    const acknowledgedS = (performance.now() - startedAt) / 1000;
    while (setup.size !== 'bare-broker' && (await metric(writer, 'writer_readings_stored_total')) < total)
      await sleep(20);
    const storedS = (performance.now() - startedAt) / 1000;
    const { ackMs } = fleet.progress();
    return {
      acknowledgedPerSecond: total / acknowledgedS,
      storedPerSecond: total / storedS,
      pubackP50Ms: ackMs.p50,
      pubackP99Ms: ackMs.p99,
      residentMiB: residentMiB(gateway),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startProcesses(
  setup: Setup,
  folder: string,
  processes: AsyncDisposableStack,
): Promise<{ mqttPort: number; gateway: PipelineProcess; writer: number }> {
  const [mqttPort, httpPort, writerPort] = (await choosePorts([undefined, undefined, undefined])) as [
    number,
    number,
    number,
  ];
  const env = { ...setup.env, DATA_DIR: folder, MQTT_PORT: String(mqttPort), LOG_LEVEL: 'error' };
  const start = async (entry: string, port: number): Promise<PipelineProcess> => {
    const started = processes.use(new PipelineProcess({ command: [entry], env, httpPort: port }));
    await started.start();
    return started;
  };
  if (setup.size !== 'distributed') {
    const entry = setup.size === 'standalone' ? 'standalone/main.ts' : 'benchmarks/bare-broker/main.ts';
    return { mqttPort, gateway: await start(entry, httpPort), writer: httpPort };
  }
  const gateway = await start('ingest-gateway/main.ts', httpPort);
  await start('processors/telemetry-writer/main.ts', writerPort);
  return { mqttPort, gateway, writer: writerPort };
}

/** Sum of a metric over its labels. */
async function metric(httpPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function residentMiB(gateway: PipelineProcess): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
