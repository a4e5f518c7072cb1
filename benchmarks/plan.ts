import { measureCrowd } from './crowd/measure-crowd.ts';
import { measureDisk } from './disk.ts';
import { measureInfluxAlone } from './influx-alone.ts';
import type { Services } from './measured-pipeline.ts';
import { type Figures, measureDrain, measureLatency, measureThroughput, type Setup } from './measurements.ts';
import { measureMemory } from './memory.ts';
import { measureMessages } from './message-cost.ts';
import { measurePeer, type PeerParts } from './peer/measure-peer.ts';
import { measureSource } from './peer/measure-source.ts';
import { pipelineReader, telegrafReader } from './peer/source-reader.ts';
import { measureBurst, measureRates } from './rates.ts';
import { measureViewers } from './viewers.ts';

export interface Measurement {
  /** Its kind, and what of it is measured: `throughput: embedded, 1 a message`. */
  readonly name: string;
  /** About how long a round of it takes. */
  readonly seconds: number;
  readonly measure: () => Promise<Figures>;
}

export interface Parts {
  readonly signal: AbortSignal;
  /** Kafka and InfluxDB, when the pipeline is measured on them, too. */
  readonly real?: Services | undefined;
  readonly peer?: PeerParts | undefined;
}

/** Of a round of one setup on two cores, by kind. */
const SECONDS: Readonly<Record<string, number>> = {
  throughput: 50,
  peer: 80,
  source: 75,
  latency: 35,
  rates: 115,
  burst: 80,
  memory: 115,
  '10,000 silent devices over TLS': 115,
  'ten viewers of the console': 220,
  drain: 115,
  messages: 5,
};

/** `throughput` of `throughput: embedded, 1 a message`. */
export function kindOf(measurement: string): string {
  return measurement.split(': ')[0] as string;
}

/** Everything that can be measured with these parts, in the order in which a reader wants to see it. */
export function planOf(parts: Parts): Measurement[] {
  return measurementsOf(parts).map((measurement) => ({
    ...measurement,
    seconds: SECONDS[kindOf(measurement.name)] as number,
  }));
}

function measurementsOf({ signal, real, peer }: Parts): Omit<Measurement, 'seconds'>[] {
  const noServices: Services = { env: {}, pids: {}, signal };
  const bare: Setup = { name: 'bare Aedes', size: 'bare-broker', batch: 1, services: noServices };
  const embedded: Setup = { name: 'embedded', size: 'embedded', batch: 1, services: noServices };
  const onKafka: Setup[] = real
    ? [{ name: 'Kafka, InfluxDB', size: 'distributed', batch: 1, services: real }]
    : [];
  // As in the contract's example: temperature and humidity. The peer, too, can be told of one kind of readings.
  const twoValues = { types: 'environment', small: true };
  const both = [embedded, ...onKafka];
  const batched = (setup: Setup): Setup[] => [1, 20, 100].map((batch) => ({ ...setup, batch }));
  const throughput: Setup[] = [
    bare,
    ...both.flatMap(batched),
    { ...embedded, name: 'embedded, MQTT 5', readings: { protocolVersion: 5 } },
    { ...embedded, name: 'embedded, MQTT 5', readings: { protocolVersion: 5 }, batch: 20 },
    ...both.flatMap((setup) =>
      [50, 1_000, 10_000].map((devices) => ({
        ...setup,
        name: `${setup.name}, ${devices.toLocaleString('en-US')} devices`,
        devices,
      })),
    ),
    ...onKafka.map((setup) => ({ ...setup, name: `${setup.name}, two gateways`, gateways: 2 })),
  ];
  const list = (kind: string, setups: readonly Setup[], measure: (setup: Setup) => Promise<Figures>) =>
    setups.map((setup) => ({
      name: `${kind}: ${setup.name}, ${setup.batch} a message`,
      measure: () => measure(setup),
    }));
  const withTwoValues = (name: string): Setup[] =>
    onKafka.flatMap((setup) => [1, 20].map((batch) => ({ ...setup, name, batch, readings: twoValues })));
  return [
    ...list('throughput', throughput, measureThroughput),
    ...list(
      'peer',
      onKafka.map((setup) => ({ ...setup, name: 'InfluxDB alone, two values', batch: 20 })),
      measureInfluxAlone,
    ),
    // One kind, and so in turn: what the machine does meanwhile is the same for both.
    ...list('peer', withTwoValues('Kafka, InfluxDB, two values'), measureThroughput),
    ...(peer === undefined
      ? []
      : [
          ...list('peer', withTwoValues('mosquitto, Telegraf, two values'), (setup) =>
            measurePeer(setup, peer),
          ),
          ...sourcePlan(peer, signal),
        ]),
    { name: 'latency: the disk alone', measure: () => measureDisk(signal) },
    ...list('latency', [bare, ...both], measureLatency),
    ...list('rates', both, measureRates),
    ...list('burst', both, measureBurst),
    ...list('memory', both, measureMemory),
    ...list('10,000 silent devices over TLS', both, measureCrowd),
    ...list('ten viewers of the console', [embedded], measureViewers),
    ...list('drain', [...onKafka, ...onKafka.map((setup) => ({ ...setup, batch: 20 }))], measureDrain),
    { name: 'messages', measure: measureMessages },
  ];
}

/** Whoever reads from Mosquitto: Telegraf, and this pipeline. */
function sourcePlan({ telegraf, influxDb }: PeerParts, signal: AbortSignal): Omit<Measurement, 'seconds'>[] {
  const inInfluxDb = { influxDb: influxDb.pid };
  return [
    {
      name: 'source: mosquitto, Telegraf, InfluxDB',
      measure: () => measureSource((port) => telegrafReader(telegraf, port, influxDb), inInfluxDb),
    },
    {
      name: 'source: mosquitto, pipeline, InfluxDB',
      measure: () => measureSource((port) => pipelineReader(port, influxDb, signal), inInfluxDb),
    },
    {
      name: 'source: mosquitto, pipeline, SQLite',
      measure: () => measureSource((port) => pipelineReader(port, undefined, signal), {}),
    },
  ];
}
