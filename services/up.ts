import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { choosePorts } from '#runtime/choose-ports.ts';
import { counted } from '#runtime/counted.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { type PartsOptions, withLock } from './cache.ts';
import { startInfluxDb } from './influxdb.ts';
import { startKafka } from './kafka.ts';
import { endProcess, isAlive } from './process-identity.ts';
import { startAlertmanager, startPrometheus } from './prometheus.ts';
import { deleteState, type ProcessRecord, readState, type ServicesState, writeState } from './state-file.ts';

export const SERVICE_NAMES = ['kafka', 'influxdb', 'prometheus'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface UpOptions extends PartsOptions {
  /** Holds the state file, and the data and logs of the services. */
  readonly dataDir: string;
  readonly brokers: 1 | 3;
  readonly only: readonly ServiceName[];
  /** Folder whose `local.yml` (for Prometheus) and `alertmanager.yml` are used where they exist. */
  readonly prometheusConfigDir: string;
}

/** Customary ports, taken where they are free. Not 9093 for a second broker: that is Alertmanager's. */
const PORTS = { kafka: [9092, 9192, 9292], influxDb: 8086, prometheus: 9090, alertmanager: 9093 };
const BUCKET = 'telemetry';
const END_GRACE_MS = 15_000;

/**
 * Makes the services run, and leaves them running after this process. What runs already as asked for is left alone;
 * what is left of a set that is no longer complete is ended, and the set started again on its data.
 */
export async function bringUp(options: UpOptions): Promise<ServicesState> {
  const { dataDir, brokers, only, progress } = options;
  makeFolder(dataDir);
  return withLock(join(dataDir, 'up.lock'), async () => {
    const request = { brokers, only: SERVICE_NAMES.filter((name) => only.includes(name)) };
    const before = await readState(dataDir);
    if (before?.environment !== undefined && before.processes.every(({ identity }) => isAlive(identity))) {
      if (isDeepStrictEqual(before.request, request)) return before;
      const { brokers: running, only: names } = before.request;
      throw new Error(
        `running already: ${names.join(', ')} with ${counted(running, 'broker')}. End that first with "down".`,
      );
    }
    await endRecorded(dataDir);

    const processes: ProcessRecord[] = [];
    let written = Promise.resolve();
    const keepRunning = ({ name, identity, logFile }: ProcessRecord) => {
      processes.push({ name, identity, logFile });
      // One after the other: they share the name of the file that replaces the state.
      written = written.then(() => writeState(dataDir, { request, processes }));
    };
    try {
      const starts = request.only.map((name) => STARTERS[name]({ ...options, keepRunning }));
      const outcomes = await Promise.allSettled(starts);
      await written;
      const environment: Record<string, string> = {};
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') throw outcome.reason;
        Object.assign(environment, outcome.value);
      }
      const state = { request, processes, environment };
      await writeState(dataDir, state);
      return state;
    } catch (error) {
      progress?.('a service did not start, ending the others …');
      await endRecorded(dataDir);
      throw error;
    }
  });
}

/** Ends exactly the processes that `up` started; returns the names of those that were still alive. */
export async function takeDown(
  dataDir: string,
  options: { readonly deleteData: boolean },
): Promise<string[]> {
  if (!existsSync(dataDir)) return [];
  const ended = await withLock(join(dataDir, 'up.lock'), () => endRecorded(dataDir));
  if (options.deleteData) await rm(dataDir, { recursive: true, force: true });
  return ended;
}

async function endRecorded(dataDir: string): Promise<string[]> {
  const state = await readState(dataDir);
  const alive = (state?.processes ?? []).filter(({ identity }) => isAlive(identity));
  await Promise.all(alive.map(({ identity }) => endProcess(identity, END_GRACE_MS)));
  await deleteState(dataDir);
  return alive.map(({ name }) => name);
}

type Starter = (
  options: UpOptions & { readonly keepRunning: (started: ProcessRecord) => void },
) => Promise<Record<string, string>>;

/** Each resolves, when its services serve, with what the pipeline has to be told about them. */
const STARTERS: Record<ServiceName, Starter> = {
  kafka: async ({ cacheDir, progress, dataDir, brokers: count, keepRunning }) => {
    const ports = await choosePorts(PORTS.kafka.slice(0, count));
    // Another number of brokers is another cluster, with its own data.
    const folder = join(dataDir, `kafka-${count}`);
    const { brokers } = await startKafka({
      cacheDir,
      progress,
      brokers: count,
      dataDir: folder,
      ports,
      keepRunning,
    });
    return { KAFKA_BROKERS: brokers.join(',') };
  },
  influxdb: async ({ cacheDir, progress, dataDir, keepRunning }) => {
    const folder = join(dataDir, 'influxdb');
    const port = PORTS.influxDb;
    const influxDb = await startInfluxDb({
      cacheDir,
      progress,
      dataDir: folder,
      port,
      bucket: BUCKET,
      keepRunning,
    });
    return {
      INFLUX_URL: influxDb.url,
      INFLUX_TOKEN: influxDb.token,
      INFLUX_ORG: influxDb.org,
      INFLUX_BUCKET: influxDb.bucket,
    };
  },
  prometheus: async ({ dataDir, prometheusConfigDir, keepRunning }) => {
    const config = (name: string, standIn: string) =>
      configFile(join(prometheusConfigDir, name), join(dataDir, name), standIn);
    const alertmanager = await startAlertmanager({
      configFile: await config('alertmanager.yml', ALERTMANAGER_CONFIG),
      dataDir: join(dataDir, 'alertmanager'),
      port: PORTS.alertmanager,
      keepRunning,
    });
    const prometheus = await startPrometheus({
      configFile: await config('local.yml', prometheusConfig(new URL(alertmanager.url).host)),
      dataDir: join(dataDir, 'prometheus'),
      port: PORTS.prometheus,
      keepRunning,
    });
    return { PROMETHEUS_URL: prometheus.url, ALERTMANAGER_URL: alertmanager.url };
  },
};

async function configFile(ours: string, standInFile: string, standIn: string): Promise<string> {
  if (existsSync(ours)) return ours;
  await writeFile(standInFile, standIn);
  return standInFile;
}

const prometheusConfig = (alertmanager: string) => `global:
  scrape_interval: 5s
scrape_configs:
  - job_name: pipeline
    static_configs:
      - targets: ['127.0.0.1:8080', '127.0.0.1:8081', '127.0.0.1:8082']
alerting:
  alertmanagers:
    - static_configs:
        - targets: ['${alertmanager}']
`;

const ALERTMANAGER_CONFIG = `route:
  receiver: nobody
receivers:
  - name: nobody
`;
