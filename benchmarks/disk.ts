import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHistogram, type Histogram } from 'node:perf_hooks';
import { pause } from '#runtime/retry.ts';
import type { Figures } from './measurements.ts';

const WRITES = 500;
const BYTES = 8 * 1024;
/** As often as the idle pipeline gets a message. */
const APART_MS = 20;

/**
 * Below what no acknowledgement that means durable can be: an append of 8 KiB and its `fsync`, now and then and one after the
 * other, where the pipeline has its files.
 */
export async function measureDisk(signal: AbortSignal): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  try {
    const idle = await fsyncTimes(path.join(folder, 'idle'), APART_MS, signal);
    const busy = await fsyncTimes(path.join(folder, 'busy'), 0, signal);
    return {
      idleP50Ms: idle.percentile(50) / 1e6,
      idleP99Ms: idle.percentile(99) / 1e6,
      busyP50Ms: busy.percentile(50) / 1e6,
      busyP99Ms: busy.percentile(99) / 1e6,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In nanoseconds. */
async function fsyncTimes(file: string, apartMs: number, signal: AbortSignal): Promise<Histogram> {
  const bytes = Buffer.alloc(BYTES, 1);
  const took = createHistogram();
  await using handle = await open(file, 'wx');
  for (let i = 0; i < WRITES && !signal.aborted; i++) {
    const startedAt = performance.now();
    await handle.write(bytes);
    await handle.sync();
    took.record(Math.max(1, Math.round((performance.now() - startedAt) * 1e6)));
    if (apartMs > 0) await pause(apartMs, signal);
  }
  return took;
}
