import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { AttackedPipeline } from './attacked-pipeline.ts';
import { ATTACKS } from './attacks/all.ts';
import { publishOnceEach } from './crowd.ts';

const DEVICES = 10_000;
/** Descriptors: those of the devices, of 3,000 silent sockets, and of what else the two processes have open. */
const NEEDED = 14_000;
const PATIENCE_MS = 120_000;

function descriptors(): number {
  const said = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return said === 'unlimited' ? Infinity : Number(said);
}
const available = descriptors();
const why = available < NEEDED ? ` (skipped: ulimit -n says ${available}, ${NEEDED} are needed)` : '';

describe.skipIf(available < NEEDED)(`${DEVICES} devices [P10]${why}`, () => {
  it.each(['', 'silent-sockets', 'silent-websockets'])(
    'connect, publish once, and are acknowledged; beside them: %s',
    async (name) => {
      await using pipeline = await AttackedPipeline.start({ goodDevices: 1, rate: 1 });
      const over = new AbortController();
      const attack = ATTACKS.find((it) => it.name === name);
      const attacked = attack?.run(pipeline.target, over.signal);
      const patience = AbortSignal.timeout(PATIENCE_MS);
      const acknowledged = await publishOnceEach(pipeline.target.mqttPort, DEVICES - 1, patience);
      over.abort();
      await attacked;
      expect(acknowledged, pipeline.output).toBe(DEVICES - 1);
      expect(await pipeline.fleet.finish(PATIENCE_MS)).toBe(0);
      expect(await pipeline.booksClose()).toBe(true);
      expect(await pipeline.isReady()).toBe(true);
      if (attack !== undefined) expect(await pipeline.series(attack.seenIn)).toBeGreaterThan(0);
    },
  );
});
