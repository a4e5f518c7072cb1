import type { FlowProblem } from '#console/api/flow.ts';
import type { ProblemWindow } from './problem-window.ts';

/** The condition of an alert of `prometheus/rules/alerts.yml`, on the numbers that a console has. */
export interface ProblemRule {
  readonly name: string;
  readonly severity: FlowProblem['severity'];
  /** How long it must hold before it is told. */
  readonly forMs: number;
  /** Judged for each process by itself, or for all of them together. */
  readonly of: 'each' | 'all';
  /** What is wrong, in a sentence; `undefined` when nothing is. */
  readonly holds: (now: ProblemWindow) => string | undefined;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;

export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
export const plural = (count: number, one: string): string =>
  `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
export const duration = (seconds: number): string =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : seconds < 2 * 86_400
        ? `${Math.round(seconds / 3600)} h`
        : `${Math.round(seconds / 86_400)} days`;

/** 0 where nobody tells. */
export function ratio(part: number | undefined, whole: number | undefined): number {
  return part === undefined || whole === undefined || whole <= 0 ? 0 : part / whole;
}
