import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import { AttackedPipeline, type AttackedPipelineOptions } from './attacked-pipeline.ts';
import type { Experience } from './good-fleet/good-fleet.ts';
import { type Logins, logInMeanwhile } from './logins.ts';

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
  /** Where the attack was against logins. */
  readonly logins: Logins | undefined;
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
const LOGIN_EVERY_MS = 140;
const PATIENCE_MS = 60_000;

/**
 * One attack on a fresh pipeline, with good devices beside it.
 *
 * @returns when the attack is over and the good devices are done, what gives the result later: until memory is looked at, a
 *   pipeline that nobody uses costs nothing, and the next drill may begin
 */
export async function drill(attack: Attack, options: DrillOptions): Promise<() => Promise<DrillResult>> {
  await using resources = new AsyncDisposableStack();
  const pipeline = resources.use(await AttackedPipeline.start(options));
  const { fleet, target } = pipeline;
  // What starting costs is no part of the measurement.
  await sleep(options.beforeMs / 2);
  await fleet.experience();
  await sleep(options.beforeMs / 2);
  const shareBefore = shareOf(await fleet.experience());
  const before = pipeline.residentMiB();
  const seenBefore = await pipeline.series(attack.seenIn);
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, pipeline.residentMiB());
  }, MEMORY_LOOK_MS);
  resources.defer(() => clearInterval(timer));

  const over = AbortSignal.timeout(options.attackMs);
  const measured = sleep(LEAST_MEASURED_MS);
  const goodLogins = attack.besideLogins ? logInMeanwhile(target.mqttPort, LOGIN_EVERY_MS, over) : undefined;
  await attack.run(target, over);
  await measured;
  const during = await fleet.experience();
  const logins = await goodLogins;
  const seen = (await pipeline.series(attack.seenIn)) - seenBefore;
  const lost = await fleet.finish(PATIENCE_MS);
  const booksClose = await pipeline.booksClose();
  const settled = sleep(options.afterMs);
  const owned = resources.move();
  return async () => {
    await using _ = owned;
    await settled;
    return {
      attack: attack.name,
      what: attack.what,
      shareBefore,
      shareDuring: shareOf(during),
      during,
      logins,
      memory: { before, peak, after: pipeline.residentMiB() },
      seenIn: attack.seenIn,
      seen,
      lost,
      booksClose,
      alive: await pipeline.isReady(),
    };
  };
}

function shareOf({ acknowledged, due }: Experience): number {
  return acknowledged / Math.max(1, due);
}
