import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import { AttackedPipeline, type AttackedPipelineOptions } from './attacked-pipeline.ts';
import type { Experience } from './good-fleet/good-fleet.ts';

export interface DrillOptions extends AttackedPipelineOptions {
  readonly beforeMs: number;
  readonly attackMs: number;
  /** From the end of the attack until memory is looked at. */
  readonly afterMs: number;
}

export interface DrillResult {
  readonly attack: string;
  readonly what: string;
  /** Acknowledged of what was due, 0–1, before and during the attack. */
  readonly shareBefore: number;
  readonly shareDuring: number;
  readonly during: Experience;
  /** Resident memory of the pipeline, MiB. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  readonly seenIn: string;
  /** By how much that series rose. */
  readonly seen: number;
  /** Messages of good devices that were never acknowledged. */
  readonly lost: number;
  readonly booksClose: boolean;
  readonly alive: boolean;
}

const MEMORY_LOOK_MS = 200;
/** An attack may be refused at once, and be over; of a few messages, the one in flight would look like harm. */
const LEAST_MEASURED_MS = 2_000;
const PATIENCE_MS = 60_000;

/** One attack on a fresh pipeline, with good devices beside it. */
export async function drill(attack: Attack, options: DrillOptions): Promise<DrillResult> {
  await using pipeline = await AttackedPipeline.start(options);
  const { fleet } = pipeline;
  // What starting costs is no part of the measurement.
  await sleep(options.beforeMs / 2);
  await fleet.experience();
  await sleep(options.beforeMs / 2);
  const shareBefore = shareOf(await fleet.experience());
  const seenNow = async (): Promise<number> => (attack.seenIn === '' ? 0 : pipeline.series(attack.seenIn));
  const before = pipeline.residentMiB();
  const seenBefore = await seenNow();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, pipeline.residentMiB());
  }, MEMORY_LOOK_MS);

  const measured = sleep(LEAST_MEASURED_MS);
  await attack.run(pipeline.target, AbortSignal.timeout(options.attackMs));
  await measured;
  const during = await fleet.experience();
  await sleep(options.afterMs);
  const seen = (await seenNow()) - seenBefore;
  const lost = await fleet.finish(PATIENCE_MS);
  clearInterval(timer);
  return {
    attack: attack.name,
    what: attack.what,
    shareBefore,
    shareDuring: shareOf(during),
    during,
    memory: { before, peak, after: pipeline.residentMiB() },
    seenIn: attack.seenIn,
    seen,
    lost,
    booksClose: await pipeline.booksClose(),
    alive: await pipeline.isReady(),
  };
}

function shareOf({ acknowledged, due }: Experience): number {
  return acknowledged / Math.max(1, due);
}
