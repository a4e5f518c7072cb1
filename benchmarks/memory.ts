import { setTimeout as sleep } from 'node:timers/promises';
import { runFloods } from './flood-process.ts';
import { MeasuredPipeline } from './measured-pipeline.ts';
import { type Figures, type Setup, unpaced } from './measurements.ts';
import { residentMiB } from './process-usage.ts';

/** Long enough for a process to have given back what only its start needed. */
const IDLE_AFTER_MS = 20_000;
const SAMPLE_MS = 100;
const AFTER_MS = 60_000;

/**
 * Resident memory of each process of the pipeline: idle, the most under a load as fast as acknowledgements allow, and a minute
 * after it; and how long they took from their start until they were ready.
 */
export async function measureMemory(setup: Setup): Promise<Figures> {
  const startedAt = performance.now();
  await using pipeline = await MeasuredPipeline.start(setup.size, setup.services, setup.gateways);
  const readySeconds = (performance.now() - startedAt) / 1000;
  await pipeline.startWriter();
  const { signal } = setup.services;
  await sleep(IDLE_AFTER_MS, undefined, { signal });
  const { ownPids } = pipeline;
  const resident = (): Map<string, number> =>
    new Map(Object.entries(ownPids).map(([name, pid]) => [name, residentMiB(pid)]));
  const idle = resident();
  const most = resident();
  const sampling = setInterval(() => {
    for (const [name, mib] of resident()) most.set(name, Math.max(mib, most.get(name) ?? 0));
  }, SAMPLE_MS);
  const flood = await runFloods(pipeline.mqttPorts, { ...unpaced(setup), prefix: 'flood' });
  await pipeline.waitForStored(flood.readings);
  clearInterval(sampling);
  await sleep(AFTER_MS, undefined, { signal });
  const after = resident();
  return {
    readySeconds,
    ...Object.fromEntries(
      Object.keys(ownPids).flatMap((name) => [
        [`${name}IdleMiB`, idle.get(name) as number],
        [`${name}LoadedMiB`, most.get(name) as number],
        [`${name}AfterMiB`, after.get(name) as number],
      ]),
    ),
  };
}
