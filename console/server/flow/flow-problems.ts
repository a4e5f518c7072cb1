import type { FlowProblem } from '#console/api/flow.ts';
import { MetricSamples } from '#console/server/metric-samples.ts';
import type { FlowSample } from './flow-sample.ts';
import type { ProblemRule } from './problem-rule.ts';
import { PROBLEM_RULES } from './problem-rules.ts';
import { ProblemWindow } from './problem-window.ts';

const DOWN_FOR_MS = 30_000;

/**
 * What is wrong right now, by the conditions of the alerts. A condition: *quiet* → *pending*, from the first sample on in
 * which it holds → *told*, when it has held for the time of its alert; back to quiet with the first sample in which it does
 * not. Pure: time comes with the samples.
 */
export class FlowProblems {
  readonly #windows = new Map<string, ProblemWindow>();
  readonly #since = new Map<string, number>();
  readonly #wasGateway = new Map<string, boolean>();
  #told: FlowProblem[] = [];

  judge({ at, processes }: FlowSample): void {
    const told: FlowProblem[] = [];
    const holding = new Set<string>();
    const consider = (
      rule: Pick<ProblemRule, 'name' | 'severity' | 'forMs'>,
      where: string,
      what: string,
    ) => {
      const key = `${rule.name} ${where}`;
      holding.add(key);
      const since = Math.min(this.#since.get(key) ?? at, at);
      this.#since.set(key, since);
      if (at - since < rule.forMs) return;
      const sentence = processes.length > 1 && where !== '' ? `${where}: ${what}` : what;
      const { name, severity } = rule;
      told.push({ name, severity, sentence, since, runbook: `/runbooks/${name}.md` });
    };
    for (const { name, samples } of processes) {
      if (samples !== undefined) {
        this.#wasGateway.set(name, samples.sum('ingest_readings_decoded_total') !== undefined);
        this.#apply('each', name, at, samples, consider);
      } else if (this.#wasGateway.get(name) ?? true)
        consider(
          { name: 'IngestGatewayDown', severity: 'critical', forMs: DOWN_FOR_MS },
          name,
          'It does not answer. Devices that it served keep what was not acknowledged.',
        );
    }
    const all = MetricSamples.merged(processes);
    this.#apply('all', '', at, all, consider);
    for (const key of this.#since.keys()) if (!holding.has(key)) this.#since.delete(key);
    this.#told = told.sort((a, b) => rank(a) - rank(b) || a.since - b.since);
  }

  /** The worst first. */
  list(): readonly FlowProblem[] {
    return this.#told;
  }

  #apply(
    of: ProblemRule['of'],
    where: string,
    at: number,
    samples: MetricSamples,
    consider: (rule: ProblemRule, where: string, what: string) => void,
  ): void {
    const window = this.#windows.get(where) ?? new ProblemWindow(at, samples);
    this.#windows.set(where, window);
    window.add(at, samples);
    for (const rule of PROBLEM_RULES) {
      if (rule.of !== of) continue;
      const what = rule.holds(window);
      if (what !== undefined) consider(rule, where, what);
    }
  }
}

function rank({ severity }: FlowProblem): number {
  return severity === 'critical' ? 0 : 1;
}
