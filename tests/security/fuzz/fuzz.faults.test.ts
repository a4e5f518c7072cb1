import { expect, it } from 'vitest';
import { AttackedPipeline } from '#tests/security/attacked-pipeline.ts';
import { FUZZED, fuzz } from './fuzz.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const TWO_MINUTES_MS = 120_000;

it('[P10] two minutes of hostile packets, frames, payloads and requests: nothing ends, the books close', async () => {
  await using pipeline = await AttackedPipeline.start({ goodDevices: 20, rate: 2, env: FUZZED });
  const packets = await fuzz(pipeline.target, { seed, durationMs: TWO_MINUTES_MS, packets: Infinity });
  process.stderr.write(`seed ${seed}: ${packets} packets\n`);
  expect(await pipeline.isReady(), `seed ${seed}\n${pipeline.output}`).toBe(true);
  expect(await pipeline.fleet.finish(60_000), `seed ${seed}`).toBe(0);
  expect(await pipeline.booksClose(), `seed ${seed}`).toBe(true);
});
