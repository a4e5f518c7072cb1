import { runFlood } from '#benchmarks/flood-process.ts';
import type { Figures } from '#benchmarks/measurements.ts';
import { cpuSeconds } from '#benchmarks/process-usage.ts';
import { waitForCount, waitForFirst } from '#benchmarks/wait-for-count.ts';
import { startMosquitto } from '#services/mosquitto.ts';
import type { SourceReader } from './source-reader.ts';

/** Messages that the broker kept while the reader was away; a reading of two values each. */
const MESSAGES = 200_000;
const DEVICES = 200;
const LOOK_MS = 100;

/**
 * How fast a reader takes over what Mosquitto kept for it, from the first reading seen in the store to the last one, and
 * what each process needs for a reading. Mosquitto keeps everything, hands over up to 1,000 messages at a time, and forgets
 * none before the reader has acknowledged it.
 *
 * @param others processes whose CPU time is told, too
 */
export async function measureSource(
  openReader: (mqttPort: number) => Promise<SourceReader>,
  others: Readonly<Record<string, number>>,
): Promise<Figures> {
  await using mosquitto = await startMosquitto({ config: ['max_inflight_messages 1000'] });
  await using reader = await openReader(mosquitto.port);
  await reader.start();
  await reader.stop();
  await runFlood({
    port: mosquitto.port,
    devices: DEVICES,
    prefix: 'kept',
    count: MESSAGES / DEVICES,
    batch: 1,
    window: 20,
    rate: 0,
    types: 'environment',
    small: true,
  });
  await reader.start();
  const cpuNow = (): ReadonlyMap<string, number> =>
    new Map(
      Object.entries({ reader: reader.pid(), mosquitto: mosquitto.pid, ...others }).map(([name, pid]) => [
        name,
        cpuSeconds(pid),
      ]),
    );
  const first = await waitForFirst(reader.stored, LOOK_MS);
  const startedAt = Date.now();
  const before = cpuNow();
  const endedAt = await waitForCount(MESSAGES, reader.stored, LOOK_MS);
  const readings = MESSAGES - first;
  const after = cpuNow();
  return {
    takenOverPerSecond: readings / ((endedAt - startedAt) / 1000),
    ...Object.fromEntries(
      Array.from(after, ([name, seconds]) => [
        `${name}CpuMicros`,
        ((seconds - (before.get(name) ?? 0)) / readings) * 1e6,
      ]),
    ),
  };
}
