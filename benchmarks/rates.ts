import { runFloods } from './flood-process.ts';
import { MeasuredPipeline } from './measured-pipeline.ts';
import { type Figures, type Setup, unpaced } from './measurements.ts';
import { cpuSeconds } from './process-usage.ts';
import { bucketsOf, quantileBetween } from './scraped-metrics.ts';

/** Percent of the rate at which the pipeline is saturated. */
export const SHARES = [1, 10, 25, 50, 75] as const;
const STEADY_SECONDS = 8;
/** The burst is ten times this. */
const BEFORE_BURST_PERCENT = 20;
const BURST_SECONDS = 10;
const DEVICES = 200;

/**
 * What the pipeline does at shares of the rate at which it is saturated, which is found first: readings a second stored,
 * by the last of them, of a flood that is acknowledged as fast as windows allow. Of each share: PUBACK, stored readings a
 * second, the age of a reading when it is stored, CPU time a message of all processes of the pipeline together, services
 * included, and how many cores that is.
 */
export async function measureRates(setup: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(setup.size, setup.services, setup.gateways);
  await pipeline.startWriter();
  const saturated = await saturate(pipeline, setup);
  const figures: Record<string, number> = {
    saturatedPerSecond: saturated.readingsPerSecond,
    saturatedCpuMicros: saturated.cpuMicros,
  };
  await pipeline.restAfterBurst();
  for (const share of SHARES) {
    const rate = (saturated.readingsPerSecond / setup.batch) * (share / 100);
    const before = bucketsOf(await pipeline.writerMetrics(), 'telemetry_age_seconds');
    const steady = await run(pipeline, setup, rate, STEADY_SECONDS, `at${share}`);
    const after = bucketsOf(await pipeline.writerMetrics(), 'telemetry_age_seconds');
    Object.assign(figures, {
      [`at${share}PubackP50Ms`]: steady.pubackMs.p50,
      [`at${share}PubackP99Ms`]: steady.pubackMs.p99,
      [`at${share}StoredPerSecond`]: steady.storedPerSecond,
      [`at${share}AgeP99Ms`]: quantileBetween(before, after, 0.99) * 1000,
      [`at${share}CpuMicros`]: steady.cpuMicros,
      [`at${share}Cores`]: steady.cores,
    });
  }
  return figures;
}

/** Ten times as many messages for ten seconds: PUBACK meanwhile, and how long after the last one was due all is stored. */
export async function measureBurst(setup: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(setup.size, setup.services, setup.gateways);
  await pipeline.startWriter();
  const saturated = await saturate(pipeline, setup);
  const rate = (saturated.readingsPerSecond / setup.batch) * (BEFORE_BURST_PERCENT / 100);
  const before = await run(pipeline, setup, rate, 3, 'before');
  const burst = await run(pipeline, setup, 10 * rate, BURST_SECONDS, 'burst');
  return {
    beforePerSecond: rate * setup.batch,
    beforePubackP99Ms: before.pubackMs.p99,
    burstPubackP50Ms: burst.pubackMs.p50,
    burstPubackP99Ms: burst.pubackMs.p99,
    acknowledgedAfterSeconds: Math.max(0, (burst.endedAt - burst.startedAt) / 1000 - BURST_SECONDS),
    drainedAfterSeconds: Math.max(0, (burst.storedAt - burst.startedAt) / 1000 - BURST_SECONDS),
  };
}

async function saturate(pipeline: MeasuredPipeline, setup: Setup) {
  await run(pipeline, setup, 0, 0, 'warm', 1 / 5);
  const { storedPerSecond, cpuMicros } = await run(pipeline, setup, 0, 0, 'saturated');
  return { readingsPerSecond: storedPerSecond, cpuMicros };
}

/** @param rate messages a second in all; 0 = as fast as acknowledgements allow, for `share` of a whole run. */
async function run(
  pipeline: MeasuredPipeline,
  setup: Setup,
  rate: number,
  seconds: number,
  prefix: string,
  share = 1,
) {
  const ofEach = rate / DEVICES;
  const paced = {
    devices: DEVICES,
    window: 1_000,
    rate: ofEach,
    count: Math.max(1, Math.round(ofEach * seconds)),
  };
  const load = rate === 0 ? unpaced(setup, share) : { ...unpaced(setup), ...paced };
  const already = await pipeline.stored();
  let cpuBefore = 0;
  const flood = await runFloods(pipeline.mqttPorts, { ...load, prefix }, () => {
    cpuBefore = cpuOf(pipeline);
  });
  const storedAt = await pipeline.waitForStored(already + flood.readings);
  const cpu = cpuOf(pipeline) - cpuBefore;
  const took = (storedAt - flood.startedAt) / 1000;
  return {
    ...flood,
    storedAt,
    storedPerSecond: flood.readings / took,
    cpuMicros: (cpu / flood.messages) * 1e6,
    cores: cpu / took,
  };
}

function cpuOf(pipeline: MeasuredPipeline): number {
  return Object.values(pipeline.pids).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}
