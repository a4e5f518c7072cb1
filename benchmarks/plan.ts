import { measureCrowd } from './crowd/measure-crowd.ts';
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
  readonly name: string;
  readonly measure: () => Promise<Figures>;
}

export interface Parts {
  readonly signal: AbortSignal;
  /** Kafka and InfluxDB, when the pipeline is measured on them, too. */
  readonly real?: Services | undefined;
  readonly peer?: PeerParts | undefined;
}

/** Everything that can be measured with these parts, in the order in which a reader wants to see it. */
export function planOf({ signal, real, peer }: Parts): Measurement[] {
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
    ...onKafka.flatMap((setup) => [
      { ...setup, name: `${setup.name}, two gateways`, gateways: 2 },
      ...[1, 20].map((batch) => ({
        ...setup,
        name: `${setup.name}, two values`,
        batch,
        readings: twoValues,
      })),
    ]),
  ];
  const list = (kind: string, setups: readonly Setup[], measure: (setup: Setup) => Promise<Figures>) =>
    setups.map((setup) => ({
      name: `${kind}: ${setup.name}, ${setup.batch} a message`,
      measure: () => measure(setup),
    }));
  const ofPeer = peer && onKafka.flatMap((setup) => [1, 20].map((batch) => ({ ...setup, batch })));
  return [
    ...list('throughput', throughput, measureThroughput),
    ...list(
      'peer',
      (ofPeer ?? []).map((setup) => ({
        ...setup,
        name: 'mosquitto, Telegraf, two values',
        readings: twoValues,
      })),
      (setup) => measurePeer(setup, peer as PeerParts),
    ),
    ...(peer === undefined ? [] : sourcePlan(peer, signal)),
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
function sourcePlan({ telegraf, influxDb }: PeerParts, signal: AbortSignal): Measurement[] {
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
