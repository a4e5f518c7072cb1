import { type Readings, runFloods } from './flood-process.ts';
import { MeasuredPipeline, type Services, type Size } from './measured-pipeline.ts';
import { cpuSeconds, residentMiB } from './process-usage.ts';

export interface Setup {
  readonly name: string;
  readonly size: Size;
  /** Readings of a message. */
  readonly batch: number;
  readonly readings?: Readings;
  /** Default: 200. Enough for the rate of one device to be no limit. */
  readonly devices?: number;
  /** Default: 1. */
  readonly gateways?: number;
  readonly services: Services;
}

/** Figures of one run, by name; the report gives each name its median over the rounds. */
export type Figures = Readonly<Record<string, number>>;

const DEVICES = 200;
/** In flight altogether: a fifth of what the gateway lets in. */
const IN_FLIGHT = 10_000;
/** Messages in all, by readings a message: each run takes a few seconds. */
const COUNT: Readonly<Record<number, number>> = { 1: 500_000, 20: 100_000, 100: 20_000 };
const IDLE = { devices: 10, count: 50, window: 100, rate: 5 };
const BUSY = { devices: DEVICES, count: 250, window: 1_000, rate: 25 };

/** The load of a setup as fast as acknowledgements allow; `share` of a whole run. */
export function unpaced({ batch, readings, devices = DEVICES }: Setup, share = 1) {
  const count = Math.max(1, Math.ceil(((COUNT[batch] ?? 20_000) * share) / devices));
  const window = Math.max(1, Math.round(IN_FLIGHT / devices));
  return { ...readings, batch, devices, window, count, rate: 0 };
}

/**
 * A flood as fast as acknowledgements allow, on code that was warmed up by a fifth of it: readings a second
 * acknowledged (first publish to last PUBACK) and stored (first publish to last reading in the store), the latency of
 * PUBACKs with every window full, memory afterwards, and the CPU time each process took, in microseconds a reading.
 */
export async function measureThroughput(setup: Setup): Promise<Figures> {
  const { size, services } = setup;
  await using pipeline = await MeasuredPipeline.start(size, services, setup.gateways);
  await pipeline.startWriter();
  const warmUp = await runFloods(pipeline.mqttPorts, { ...unpaced(setup, 1 / 5), prefix: 'warm' });
  await pipeline.waitForStored(warmUp.readings);

  let pids = pipeline.pids;
  let before = new Map<string, number>();
  const flood = await runFloods(pipeline.mqttPorts, { ...unpaced(setup), prefix: 'flood' }, () => {
    pids = pipeline.pids;
    before = new Map(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
  });
  const storedAt = await pipeline.waitForStored(warmUp.readings + flood.readings);
  const perSecond = (until: number): number => flood.readings / ((until - flood.startedAt) / 1000);
  return {
    acknowledgedPerSecond: perSecond(flood.endedAt),
    ...(size !== 'bare-broker' && { storedPerSecond: perSecond(storedAt) }),
    pubackP50Ms: flood.pubackMs.p50,
    pubackP99Ms: flood.pubackMs.p99,
    ...Object.fromEntries(
      Object.entries(pids).flatMap(([name, pid]) => [
        [`${name}MiB`, residentMiB(pid)],
        [`${name}CpuMicros`, ((cpuSeconds(pid) - (before.get(name) ?? 0)) / flood.readings) * 1e6],
      ]),
    ),
  };
}

/** PUBACK latency of an idle pipeline (10 devices, 50 messages a second in all) and of a busy one (200 devices, 5,000 a second). */
export async function measureLatency(setup: Setup): Promise<Figures> {
  const { size, batch, services } = setup;
  await using pipeline = await MeasuredPipeline.start(size, services);
  await pipeline.startWriter();
  const flood = (load: Omit<Parameters<typeof runFloods>[1], 'batch'>) =>
    runFloods(pipeline.mqttPorts, { ...load, batch });
  await flood({ ...unpaced(setup, 1 / 25), prefix: 'warm' });
  await pipeline.restAfterBurst();
  const idle = await flood({ ...IDLE, prefix: 'idle' });
  const busy = await flood({ ...BUSY, prefix: 'busy' });
  return {
    idleP50Ms: idle.pubackMs.p50,
    idleP99Ms: idle.pubackMs.p99,
    busyP50Ms: busy.pubackMs.p50,
    busyP99Ms: busy.pubackMs.p99,
  };
}

/** How fast a processor that was away works off what the log kept meanwhile, from its first commit seen to its last. */
export async function measureDrain(setup: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(setup.size, setup.services);
  const { readings } = await runFloods(pipeline.mqttPorts, { ...unpaced(setup), prefix: 'flood' });
  await pipeline.startWriter();
  const startedAt = Date.now();
  const already = await pipeline.stored();
  const storedAt = await pipeline.waitForStored(readings);
  return { drainedPerSecond: (readings - already) / ((storedAt - startedAt) / 1000) };
}
