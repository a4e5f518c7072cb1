import { closeSync, openSync, readdirSync } from 'node:fs';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { tellOpenFiles } from './open-files.ts';

async function told(metrics: Registry): Promise<number | undefined> {
  return (await metrics.getSingleMetric('process_open_fds')?.get())?.values[0]?.value;
}

function withDefaults(): Registry {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return metrics;
}

describe.skipIf(process.platform !== 'linux')('open files', () => {
  test('are those of the process, one that is opened included', async () => {
    let now = 0;
    const metrics = withDefaults();
    tellOpenFiles(metrics, undefined, () => (now += 30_000));
    const before = readdirSync('/proc/self/fd').length - 1;
    const files = Array.from({ length: 200 }, () => openSync('/dev/null', 'r'));
    try {
      // Other threads of the test open some, too.
      const open = (await told(metrics)) ?? 0;
      expect(Math.abs(open - before - files.length)).toBeLessThan(50);
    } finally {
      for (const file of files) closeSync(file);
    }
  });

  test('are asked for at each scrape where the system tells them', async () => {
    let open = 7;
    let counts = 0;
    const metrics = withDefaults();
    const counted = () => {
      counts++;
      return open;
    };
    tellOpenFiles(metrics, { told: () => open, counted }, () => 0);
    expect(await told(metrics)).toBe(7);
    open = 9;
    expect(await told(metrics)).toBe(9);
    expect(counts).toBe(1);
  });

  test.each([
    ['says nothing', () => 0],
    ['says something else', () => 4_096],
    [
      'has no such folder',
      () => {
        throw new Error('ENOENT');
      },
    ],
  ])('are counted now and then where the system %s; what cannot be counted stays', async (_, tell) => {
    let now = 0;
    let open = 7;
    const metrics = withDefaults();
    const counted = () => {
      if (open > 10) throw new Error('EMFILE');
      return open;
    };
    tellOpenFiles(metrics, { told: tell, counted }, () => now);
    expect(await told(metrics)).toBe(7);
    open = 9;
    now += 29_999;
    expect(await told(metrics)).toBe(7);
    now += 1;
    expect(await told(metrics)).toBe(9);
    open = 11;
    now += 30_000;
    expect(await told(metrics)).toBe(9);
  });
});
