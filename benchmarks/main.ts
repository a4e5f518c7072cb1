import path from 'node:path';
import { Command } from 'commander';
import { type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { startInfluxDb } from '#services/influxdb.ts';
import { startKafka } from '#services/kafka.ts';
import { compare, type Ratio, type Round, runRound } from './against.ts';
import type { Services } from './measured-pipeline.ts';
import { type Figures, measureDrain, measureLatency, measureThroughput, type Setup } from './measurements.ts';
import { formatRatios, formatReport, mediansOf } from './report.ts';

interface Options {
  readonly rounds: number;
  readonly real?: boolean;
  readonly json?: boolean;
  readonly only?: string;
  readonly against?: string;
}

const io = processIo(process);
const outcome: CommandOutcome = { code: 0 };
const program = new Command('npm run bench --')
  .description(
    'Throughput, PUBACK latency and drain rate, load and services on this machine (docs/benchmarks.md says how). Every\n' +
      'measurement runs once per round, side by side; the median over the rounds is reported. Needs Linux.',
  )
  .option('--rounds <n>', 'how often', wholeNumber(1, 99), 3)
  .option('--real', 'also on real Kafka (one broker) and InfluxDB, started for it')
  .option('--only <text>', 'measurements whose name holds this')
  .option('--json', 'the medians (or the ratios) as one line of JSON, the last one')
  .option('--against <directory>', 'alternate with the benchmark of another checkout, and print ratios')
  .action(async ({ rounds, real, only, json, against }: Options) => {
    if (against !== undefined) {
      const which = [...(real ? ['--real'] : []), ...(only === undefined ? [] : ['--only', only])];
      const ratios = await alternate(path.resolve(against), rounds, which);
      io.stdout.write(formatRatios(ratios));
      if (json) io.stdout.write(`${JSON.stringify(ratios)}\n`);
      return;
    }
    await using services = new AsyncDisposableStack();
    const measurements = listMeasurements(real ? await startServices(services) : undefined).filter(
      ({ name }) => only === undefined || name.includes(only),
    );
    const runs = new Map(measurements.map(({ name }) => [name, [] as Figures[]]));
    for (let round = 1; round <= rounds; round++) {
      for (const { name, measure } of measurements) {
        io.stderr.write(`round ${round}/${rounds}: ${name}\n`);
        runs.get(name)?.push(await measure());
      }
    }
    const medians = mediansOf(runs);
    io.stdout.write(formatReport(medians));
    if (json) io.stdout.write(`${JSON.stringify(Object.fromEntries(medians))}\n`);
  });

/** Round by round, each side first in every other one: what the machine does meanwhile is shared fairly. */
async function alternate(directory: string, rounds: number, which: readonly string[]): Promise<Ratio[]> {
  const here = path.resolve(import.meta.dirname, '..');
  const runs = new Map<string, Round[]>([
    [here, []],
    [directory, []],
  ]);
  for (let round = 1; round <= rounds; round++) {
    for (const side of round % 2 === 1 ? [here, directory] : [directory, here]) {
      io.stderr.write(`round ${round}/${rounds}: ${side}\n`);
      runs.get(side)?.push(await runRound(side, which, io.signal));
    }
  }
  return compare(runs.get(here) ?? [], runs.get(directory) ?? []);
}

interface Measurement {
  readonly name: string;
  readonly measure: () => Promise<Figures>;
}

function listMeasurements(realServices: Services | undefined): Measurement[] {
  const noServices: Services = { env: {}, pids: {}, signal: io.signal };
  const bare: Setup = { name: 'bare Aedes', size: 'bare-broker', batch: 1, services: noServices };
  const embedded: Setup = { name: 'embedded', size: 'embedded', batch: 1, services: noServices };
  const real: Setup[] = realServices
    ? [{ name: 'Kafka, InfluxDB', size: 'distributed', batch: 1, services: realServices }]
    : [];
  // As in the contract's example: temperature and humidity.
  const small: Setup[] = real.flatMap((setup) =>
    [1, 20].map((batch) => ({
      ...setup,
      name: `${setup.name}, two values`,
      batch,
      readings: { types: 'environment', small: true },
    })),
  );
  const mqtt5: Setup = { ...embedded, name: 'embedded, MQTT 5', readings: { protocolVersion: 5 } };
  const both = [embedded, ...real];
  const setups = [
    bare,
    ...[embedded, mqtt5, ...real].flatMap((setup) => [setup, { ...setup, batch: 20 }]),
    ...small,
  ];
  const measurement = (
    kind: string,
    setup: Setup,
    measure: (setup: Setup) => Promise<Figures>,
  ): Measurement => ({
    name: `${kind}: ${setup.name}, ${setup.batch} a message`,
    measure: () => measure(setup),
  });
  return [
    ...setups.map((setup) => measurement('throughput', setup, measureThroughput)),
    ...[bare, ...both].map((setup) => measurement('latency', setup, measureLatency)),
    ...real
      .flatMap((setup) => [setup, { ...setup, batch: 20 }])
      .map((setup) => measurement('drain', setup, measureDrain)),
  ];
}

async function startServices(stack: AsyncDisposableStack): Promise<Services> {
  const kafka = stack.use(await startKafka({ brokers: 1 }));
  const influxDb = stack.use(await startInfluxDb());
  return {
    env: {
      KAFKA_BROKERS: kafka.brokers.join(),
      INFLUX_URL: influxDb.url,
      INFLUX_TOKEN: influxDb.token,
      INFLUX_ORG: influxDb.org,
      INFLUX_BUCKET: influxDb.bucket,
    },
    pids: { kafka: kafka.node(0).pid, influxDb: influxDb.pid },
    signal: io.signal,
  };
}

process.exitCode = await runCommand(program, io, outcome);
