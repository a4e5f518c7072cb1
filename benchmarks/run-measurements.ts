import { duration } from '#console/page/text/format.ts';
import { describeError } from '#runtime/errors.ts';
import type { Figures } from './measurements.ts';
import { kindOf, type Measurement } from './plan.ts';
import { TimeLeft } from './time-left.ts';

/** What was to be measured and could not be. */
export interface Missing {
  readonly name: string;
  readonly why: string;
}

export interface RunParts {
  readonly say: (line: string) => void;
  /** Ends the run; what is being measured fails by it. */
  readonly signal: AbortSignal;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Called with all runs of a measurement, whenever it has one more. */
  readonly measured: (name: string, runs: readonly Figures[]) => void;
}

export interface Measured {
  /** Also those that came to less rounds than they should have. */
  readonly runs: ReadonlyMap<string, readonly Figures[]>;
  readonly missing: readonly Missing[];
}

/**
 * Kind by kind, so that an interruption leaves as many as possible whole; within a kind round by round, so that what the machine
 * does meanwhile is shared by those that are compared. One that fails is tried no more, and the others go on.
 *
 * @param earlier runs of an interrupted run, which count.
 */
export async function runMeasurements(
  measurements: readonly Measurement[],
  rounds: number,
  earlier: ReadonlyMap<string, readonly Figures[]>,
  { say, signal, now, measured }: RunParts,
): Promise<Measured> {
  const runs = new Map(measurements.map(({ name }) => [name, [...(earlier.get(name) ?? [])]]));
  const failed = new Map<string, string>();
  const time = new TimeLeft(measurements);
  const missingRounds = (name: string): number =>
    failed.has(name) ? 0 : Math.max(0, rounds - (runs.get(name)?.length ?? 0));
  const measureOne = async ({ name, measure }: Measurement, ofIt: Figures[]): Promise<void> => {
    const left = time.left(Array.from(runs.keys(), (each) => [each, missingRounds(each)]));
    say(`round ${ofIt.length + 1}/${rounds}: ${name} (about ${duration(Math.ceil(left / 60) * 60)} left)`);
    const startedAt = now();
    try {
      ofIt.push(await measure());
      time.took(name, (now() - startedAt) / 1000);
      measured(name, ofIt);
    } catch (error) {
      if (signal.aborted) return;
      failed.set(name, describeError(error));
      say(`${name} failed, and is left out: ${describeError(error)}`);
    }
  };
  for (const ofKind of Map.groupBy(measurements, ({ name }) => kindOf(name)).values()) {
    for (let round = 1; round <= rounds; round++) {
      for (const measurement of ofKind) {
        const ofIt = runs.get(measurement.name);
        if (signal.aborted || ofIt === undefined || missingRounds(measurement.name) === 0) continue;
        if (ofIt.length < round) await measureOne(measurement, ofIt);
      }
    }
  }
  const interrupted = measurements.filter(({ name }) => missingRounds(name) > 0);
  return {
    runs: new Map([...runs].filter(([, all]) => all.length > 0)),
    missing: [
      ...Array.from(failed, ([name, why]) => ({ name, why })),
      ...(interrupted.length === 0
        ? []
        : [
            {
              name: `${interrupted.length} of ${measurements.length} measurements`,
              why: 'interrupted (what is written stays, and --resume goes on from there)',
            },
          ]),
    ],
  };
}
