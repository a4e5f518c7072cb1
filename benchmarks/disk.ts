import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
      idleP50Ms: quantile(idle, 0.5),
      idleP99Ms: quantile(idle, 0.99),
      busyP50Ms: quantile(busy, 0.5),
      busyP99Ms: quantile(busy, 0.99),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds each, sorted. */
async function fsyncTimes(file: string, apartMs: number, signal: AbortSignal): Promise<Float64Array> {
  const bytes = Buffer.alloc(BYTES, 1);
  const took = new Float64Array(WRITES);
  await using handle = await open(file, 'wx');
  for (let i = 0; i < WRITES && !signal.aborted; i++) {
    const startedAt = performance.now();
    await handle.write(bytes);
    await handle.sync();
    took[i] = performance.now() - startedAt;
    if (apartMs > 0) await pause(apartMs, signal);
  }
  return took.sort();
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
