import { setTimeout as sleep } from 'node:timers/promises';
import { startCrowd } from './crowd/start-crowd.ts';
import { runFloods } from './flood-process.ts';
import { MeasuredPipeline } from './measured-pipeline.ts';
import { type Figures, type Setup, unpaced } from './measurements.ts';
import { cpuSeconds } from './process-usage.ts';

const VIEWERS = 10;
/** Who publishes, and who is connected and says nothing: ten thousand together, as many as a gateway takes. */
const [LOUD, SILENT] = [200, 9_800];
/** As the page asks for its charts. */
const ASK_EVERY_MS = 5_000;
/** 5,000 messages a second in all, for six seconds. */
const STEADY = { devices: LOUD, window: 1_000, rate: 25, count: 150 };
/** Of a whole run. */
const SHARE = 2 / 5;
/** What changes with time is the same for both sides. */
const TURNS = [false, true, true, false] as const;

/**
 * What ten people who look at the console cost ten thousand devices: floods as fast as acknowledgements allow, and steady ones, on one
 * pipeline, without viewers and with them in turn. Of each figure the mean of either side, and the ratio of the second to the first.
 */
export async function measureViewers(setup: Setup): Promise<Figures> {
  await using pipeline = await MeasuredPipeline.start(setup.size, setup.services);
  await pipeline.startWriter();
  const [port] = pipeline.mqttPorts as [number];
  await using _crowd = await startCrowd({ port, devices: SILENT, tls: false });
  const most = { ...unpaced({ ...setup, devices: LOUD }, SHARE), prefix: 'flood' };
  const steady = { ...STEADY, batch: setup.batch, prefix: 'flood' };
  const pid = pipeline.ownPids['pipeline'] as number;
  let readings = 0;
  const flood = async (load: Parameters<typeof runFloods>[1]) => {
    let cpuBefore = 0;
    const result = await runFloods(pipeline.mqttPorts, load, () => {
      cpuBefore = cpuSeconds(pid);
    });
    readings += result.readings;
    const storedAt = await pipeline.waitForStored(readings);
    const perSecond = (until: number): number => result.readings / ((until - result.startedAt) / 1000);
    return {
      ...result.pubackMs,
      acknowledgedPerSecond: perSecond(result.endedAt),
      storedPerSecond: perSecond(storedAt),
      cpuMicros: ((cpuSeconds(pid) - cpuBefore) / result.messages) * 1e6,
    };
  };
  await flood(most);

  const runs: Record<'Alone' | 'Watched', Figures[]> = { Alone: [], Watched: [] };
  for (const isWatched of TURNS) {
    await using viewers = isWatched ? new Viewers(pipeline.consoleUrl) : undefined;
    const { p50: _, max: __, p99, ...atMost } = await flood(most);
    const atEase = await flood(steady);
    runs[isWatched ? 'Watched' : 'Alone'].push({
      ...atMost,
      pubackP99Ms: p99,
      steadyPubackP50Ms: atEase.p50,
      steadyPubackP99Ms: atEase.p99,
      steadyCpuMicros: atEase.cpuMicros,
    });
    if (viewers?.messages === 0) throw new Error('nobody was shown anything');
  }
  const mean = (side: keyof typeof runs, name: string): number =>
    runs[side].reduce((sum, run) => sum + (run[name] as number), 0) / runs[side].length;
  return Object.fromEntries(
    Object.keys(runs.Alone[0] ?? {}).flatMap((name) => [
      [name, mean('Alone', name)],
      [`${name}Watched`, mean('Watched', name)],
      [`${name}Ratio`, mean('Watched', name) / mean('Alone', name)],
    ]),
  );
}

/** They watch the flow; each asks for its charts, half of them for the devices, too, again and again. */
class Viewers implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #all: readonly Promise<void>[];
  messages = 0;

  constructor(url: string) {
    this.#all = Array.from({ length: VIEWERS }, (_, viewer) =>
      Promise.all([
        this.#watch(`${url}/api/v1/flow/events`),
        this.#ask(`${url}/api/v1/flow/history`),
        ...(viewer % 2 === 0 ? [this.#ask(`${url}/api/v1/devices?sort=lastSeen&order=desc&limit=500`)] : []),
      ]).then(
        () => undefined,
        (error: unknown) => {
          if (!this.#stop.signal.aborted) throw error;
        },
      ),
    );
  }

  async #watch(url: string): Promise<void> {
    const { body } = await this.#answered(url);
    for await (const chunk of body ?? []) if (chunk.length > 0) this.messages++;
  }

  async #ask(url: string): Promise<void> {
    for (;;) {
      await (await this.#answered(url)).arrayBuffer();
      await sleep(ASK_EVERY_MS, undefined, { signal: this.#stop.signal });
    }
  }

  async #answered(url: string): Promise<Response> {
    const response = await fetch(url, { signal: this.#stop.signal });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#all);
  }
}
