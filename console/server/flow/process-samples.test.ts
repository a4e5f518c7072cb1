import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { ownSamples } from './process-samples.ts';

test('open files are counted now and then, all else at each look', async () => {
  const registry = new Registry();
  const looks = { process_open_fds: 0, ingest_connected_devices: 0 };
  for (const name of Object.keys(looks) as (keyof typeof looks)[])
    new Gauge({
      name,
      help: name,
      registers: [registry],
      collect() {
        this.set(++looks[name]);
      },
    });
  let now = 0;
  const take = ownSamples(registry, () => now);
  const seen = async () => {
    const [{ samples } = {}] = await take();
    return [samples?.sum('process_open_fds'), samples?.sum('ingest_connected_devices')];
  };
  expect(await seen()).toEqual([1, 1]);
  now += 1_000;
  expect(await seen()).toEqual([1, 2]);
  now += 29_000;
  expect(await seen()).toEqual([2, 3]);
});
