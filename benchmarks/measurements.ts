import { type Readings, runFlood } from './flood-process.ts';
import { MeasuredPipeline, type Services, type Size } from './measured-pipeline.ts';
import { cpuSeconds, residentMiB } from './process-usage.ts';

export interface Setup {
  readonly name: string;
  readonly size: Size;
  /** Readings of a message. */
  readonly batch: number;
  readonly readings?: Readings;
  readonly services: Services;
}

/** Figures of one run, by name; the report gives each name its median over the rounds. */
export type Figures = Readonly<Record<string, number>>;

/** Enough that the rate of one device (200 messages a second, 2,000 at once) is no limit. */
const DEVICES = 200;
/** In flight altogether: 10,000 messages, a fifth of what the gateway lets in. */
const WINDOW = 50;
const UNPACED = { devices: DEVICES, window: WINDOW, rate: 0 };
/** Messages of each device, by readings a message: each run takes a few seconds. */
const COUNT: Readonly<Record<number, number>> = { 1: 2_500, 20: 500 };
const IDLE = { devices: 10, count: 50, window: 100, rate: 5 };
const BUSY = { devices: DEVICES, count: 250, window: 1_000, rate: 25 };

const countOf = (batch: number): number => COUNT[batch] ?? 100;

/**
 * A flood as fast as acknowledgements allow, on code that was warmed up by a fifth of it: readings a second
 * acknowledged (first publish to last PUBACK) and stored (first publish to last reading in the store), the latency of
 * PUBACKs with every window full, memory afterwards, and the CPU time each process took, in microseconds a reading.
 */
export async function measureThroughput({ size, batch, readings, services }: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(size, services);
  await pipeline.startWriter();
  const load = { ...UNPACED, ...readings, port: pipeline.mqttPort, batch };
  const warmUp = await runFlood({ ...load, prefix: 'warm', count: Math.ceil(countOf(batch) / 5) });
  await pipeline.waitForStored(warmUp.readings);

  let pids = pipeline.pids;
  let before = new Map<string, number>();
  const flood = await runFlood({ ...load, prefix: 'flood', count: countOf(batch) }, () => {
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
export async function measureLatency({ size, batch, services }: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(size, services);
  await pipeline.startWriter();
  const port = pipeline.mqttPort;
  await runFlood({ ...UNPACED, port, batch, prefix: 'warm', count: 100 });
  const idle = await runFlood({ ...IDLE, port, batch, prefix: 'idle' });
  const busy = await runFlood({ ...BUSY, port, batch, prefix: 'busy' });
  return {
    idleP50Ms: idle.pubackMs.p50,
    idleP99Ms: idle.pubackMs.p99,
    busyP50Ms: busy.pubackMs.p50,
    busyP99Ms: busy.pubackMs.p99,
  };
}

/** How fast a processor that was away works off what the log kept meanwhile, from its first commit seen to its last. */
export async function measureDrain({ size, batch, services }: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(size, services);
  const load = { ...UNPACED, port: pipeline.mqttPort, batch, prefix: 'flood', count: countOf(batch) };
  const { readings } = await runFlood(load);
  await pipeline.startWriter();
  const startedAt = Date.now();
  const already = await pipeline.stored();
  const storedAt = await pipeline.waitForStored(readings);
  return { drainedPerSecond: (readings - already) / ((storedAt - startedAt) / 1000) };
}
