import { runFloods } from '#benchmarks/flood-process.ts';
import { type Figures, type Setup, unpaced } from '#benchmarks/measurements.ts';
import { cpuSeconds, residentMiB } from '#benchmarks/process-usage.ts';
import type { InfluxDb } from '#services/influxdb.ts';
import type { Kafka } from '#services/kafka.ts';
import { PeerChain } from './peer-chain.ts';

export interface PeerParts {
  readonly telegraf: string;
  readonly kafka: Kafka;
  readonly influxDb: InfluxDb;
}

/** The same load, and the same figures, as `measureThroughput`; what it is acknowledged for is less: mosquitto has it in memory. */
export async function measurePeer(setup: Setup, { telegraf, kafka, influxDb }: PeerParts): Promise<Figures> {
  await using chain = await PeerChain.start(telegraf, kafka, influxDb);
  const ports = [chain.mqttPort];
  const warmUp = await runFloods(ports, { ...unpaced(setup, 1 / 5), prefix: 'warm' });
  await chain.waitForStored(warmUp.readings);
  let before = new Map<string, number>();
  const flood = await runFloods(ports, { ...unpaced(setup), prefix: 'flood' }, () => {
    before = new Map(Object.entries(chain.pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
  });
  const storedAt = await chain.waitForStored(warmUp.readings + flood.readings);
  const perSecond = (until: number): number => flood.readings / ((until - flood.startedAt) / 1000);
  return {
    acknowledgedPerSecond: perSecond(flood.endedAt),
    storedPerSecond: perSecond(storedAt),
    pubackP50Ms: flood.pubackMs.p50,
    pubackP99Ms: flood.pubackMs.p99,
    ...Object.fromEntries(
      Object.entries(chain.pids).flatMap(([name, pid]) => [
        [`${name}MiB`, residentMiB(pid)],
        [`${name}CpuMicros`, ((cpuSeconds(pid) - (before.get(name) ?? 0)) / flood.readings) * 1e6],
      ]),
    ),
  };
}
