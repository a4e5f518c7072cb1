import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';
import { appendUntilRefused } from './testing/append-until-refused.ts';

/** A small file system of its own; needs root on Linux. */
function mountSmallDisk(folder: string): string | undefined {
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `a small file system cannot be mounted here: ${String(error)}`;
  }
}

describe('embedded event log: full disk', () => {
  let disk: string;
  let whyNot: string | undefined;
  beforeAll(() => {
    disk = mkdtempSync(join(tmpdir(), 'event-log-disk-'));
    whyNot = mountSmallDisk(disk);
  });
  afterAll(() => {
    if (whyNot === undefined) execFileSync('/bin/umount', [disk]);
    rmSync(disk, { recursive: true });
  });

  test('[P1] [P2] refuses while the disk is full, recovers by itself, and has everything it acknowledged', async ({
    skip,
  }) => {
    if (whyNot !== undefined) skip(whyNot);
    const metrics = new Registry();
    const log = await openEmbeddedEventLog(
      { dataDir: disk, role: 'owner', maxBytes: 1024 ** 3 },
      { log: createLogger({ name: 'test', level: 'silent' }), metrics, now: Date.now, random: Math.random },
    );
    try {
      await log.ensureTopics([{ name: 'readings', cleanup: 'delete', retentionMs: 3_600_000 }]);
      const acknowledged = new Set<number>();
      let next = 0;
      const append = async (deadlineMs: number) => {
        const number = next++;
        const value = Buffer.alloc(20_000);
        value.writeUInt32LE(number);
        await log.append({ topic: 'readings', key: 'a', value, headers: {} }, performance.now() + deadlineMs);
        acknowledged.add(number);
      };
      for (let i = 0; i < 20; i++) await append(60_000);

      const filler = join(disk, 'filler');
      expect(() => writeFileSync(filler, Buffer.alloc(12 * 1024 * 1024))).toThrow('ENOSPC');
      await appendUntilRefused(log, () => append(60_000));
      await expect(append(100)).rejects.toMatchObject({ code: 'not-durable' });
      expect(log.health()).toMatchObject({ up: false, detail: expect.stringContaining('full') });
      expect(await metrics.metrics()).toMatch(
        /event_log_append_failures_total\{cause="storage-full"\} [1-9]/,
      );
      // Consumers go on reading what is there.
      expect((await Array.fromAsync(log.read('readings'))).length).toBeGreaterThanOrEqual(acknowledged.size);

      rmSync(filler);
      await eventually(() => expect(log.health().up).toBe(true));
      for (let i = 0; i < 20; i++) await append(60_000);

      const found = new Set(
        (await Array.fromAsync(log.read('readings'))).map((r) => r.value?.readUInt32LE()),
      );
      expect(acknowledged.size).toBeGreaterThanOrEqual(40);
      for (const number of acknowledged) expect(found).toContain(number);
    } finally {
      await log.close();
    }
  });

  test('[P10] is no fault of the configuration at the start either: who comes again once there is room gets in', async ({
    skip,
  }) => {
    if (whyNot !== undefined) skip(whyNot);
    const open = (role: 'owner' | 'beside') =>
      openEmbeddedEventLog(
        { dataDir: disk, role, maxBytes: 1024 ** 3 },
        {
          log: createLogger({ name: 'test', level: 'silent' }),
          metrics: new Registry(),
          now: Date.now,
          random: Math.random,
        },
      );
    await (await open('owner')).close();
    const filler = join(disk, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(12 * 1024 * 1024))).toThrow('ENOSPC');
    const full = { code: 'event-log-unavailable', retryable: true, message: expect.stringContaining(disk) };
    await expect(open('owner')).rejects.toMatchObject(full);
    rmSync(filler);
    await (await open('owner')).close();
  });
});
