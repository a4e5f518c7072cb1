import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { startInfluxDb } from '#services/influxdb.ts';
import { startKafka } from '#services/kafka.ts';
import { DEVICES, measureEndToEnd, type Result, type Setup } from './end-to-end.ts';

const outcome: CommandOutcome = { code: 0 };
const program = new Command('npm run bench --')
  .description(
    `End-to-end throughput: ${DEVICES} simulated devices publish as fast as acknowledgements allow (QoS 1); fleet, pipeline and\n` +
      'services share this machine. Every set-up runs once per round, side by side; the median over the rounds is reported.',
  )
  .option('--rounds <n>', 'how often', wholeNumber(1, 99), 3)
  .option('--real', 'also on real Kafka (one broker) and InfluxDB, started for it')
  .option('--json', 'the medians as one JSON object, as the last line')
  .action(async (options: { rounds: number; real?: boolean; json?: boolean }) => {
    await using services = new AsyncDisposableStack();
    const setups: Setup[] = [
      { name: 'bare Aedes, 1 a message', batch: 1, count: 400, size: 'bare-broker', env: {} },
      { name: 'embedded, 1 a message', batch: 1, count: 400, size: 'standalone', env: {} },
      { name: 'embedded, 20 a message', batch: 20, count: 100, size: 'standalone', env: {} },
    ];
    if (options.real) {
      const kafka = services.use(await startKafka({ brokers: 1 }));
      const influxDb = services.use(await startInfluxDb());
      for (const [batch, count] of [
        [1, 400],
        [20, 100],
      ] as const) {
        const env = {
          KAFKA_BROKERS: kafka.brokers.join(),
          INFLUX_URL: influxDb.url,
          INFLUX_TOKEN: influxDb.token,
          INFLUX_ORG: influxDb.org,
          INFLUX_BUCKET: influxDb.bucket,
        };
        setups.push({
          name: `Kafka and InfluxDB, ${batch} a message`,
          batch,
          count,
          size: 'distributed',
          env,
        });
      }
    }
    const results = new Map<string, Result[]>(setups.map((setup) => [setup.name, []]));
    for (let round = 1; round <= options.rounds; round++) {
      for (const setup of setups) {
        process.stderr.write(`round ${round}/${options.rounds}: ${setup.name}\n`);
        results
          .get(setup.name)
          ?.push(await measureEndToEnd({ ...setup, env: { ...setup.env, ...ownTopics(setup) } }));
      }
    }
    report(results, options.json ?? false);
  });

/** Each run on topics of its own, so that none drains what another left. */
function ownTopics(setup: Setup): Record<string, string> {
  if (setup.size !== 'distributed') return {};
  const run = randomBytes(4).toString('hex');
  return {
    TELEMETRY_TOPIC: `readings-${run}`,
    DEAD_LETTER_TOPIC: `dlq-${run}`,
    DEAD_LETTER_STATE_TOPIC: `state-${run}`,
    CONSUMER_GROUP: `writer-${run}`,
  };
}

function report(results: ReadonlyMap<string, readonly Result[]>, json: boolean): void {
  const medians = new Map([...results].map(([name, runs]) => [name, medianOf(runs)]));
  const bare = medians.values().next().value as Result;
  process.stdout.write('set-up | acknowledged/s | stored/s | × bare Aedes | PUBACK p50 ms | p99 ms | MiB\n');
  for (const [name, it] of medians) {
    const cells = [
      name,
      Math.round(it.acknowledgedPerSecond).toLocaleString('en-US'),
      it.storedPerSecond === it.acknowledgedPerSecond
        ? '–'
        : Math.round(it.storedPerSecond).toLocaleString('en-US'),
      (it.acknowledgedPerSecond / bare.acknowledgedPerSecond).toFixed(2),
      it.pubackP50Ms.toFixed(1),
      it.pubackP99Ms.toFixed(1),
      it.residentMiB.toFixed(0),
    ];
    process.stdout.write(`${cells.join(' | ')}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(Object.fromEntries(medians))}\n`);
}

function medianOf(runs: readonly Result[]): Result {
  const median = (pick: (run: Result) => number): number => {
    const sorted = runs.map(pick).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1
      ? (sorted[middle] as number)
      : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  };
  return {
    acknowledgedPerSecond: median((run) => run.acknowledgedPerSecond),
    storedPerSecond: median((run) => run.storedPerSecond),
    pubackP50Ms: median((run) => run.pubackP50Ms),
    pubackP99Ms: median((run) => run.pubackP99Ms),
    residentMiB: median((run) => run.residentMiB),
  };
}

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(program, io, outcome);
