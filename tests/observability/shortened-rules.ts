import { parser } from '@prometheus-io/lezer-promql';
import type { Rule, RuleFile } from './rule-file.ts';

/** With a scrape a second, windows must hold a few samples. */
const LEAST_WINDOW_S = 4;
/** Thresholds below this are counts and ratios; from here on they are seconds. */
const LEAST_TIME_S = 30;
/** One scrape that a loaded machine answers late is no death. */
const LEAST_FOR_S = 6;
/** What was silenced must have time to resolve, and nothing shortens a session timeout of Kafka (30 s) and a look at the lag. */
const LEAST_KEEP_S = 45;
/** The lag monitor looks every five seconds: less than two looks are no age. */
const LEAST_THRESHOLD_S = 12;
/** That its looks change nothing is to be seen later than why: a log that is away. */
const LEAST_OF_LOOKS_S = 20;
/** A Prometheus that has just started sees the first change with the second look. */
const LEAST_FOR_LOOKS_S = 12;

/**
 * The rules as they are, but with every time divided by `factor`, so that a drill takes seconds instead of minutes:
 * `for`, `keep_firing_for`, the windows and offsets in expressions, and thresholds that are seconds.
 */
export function shortenedRules(file: RuleFile, factor: number): RuleFile {
  return {
    groups: file.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => shortenedRule(rule, factor)),
    })),
  };
}

function shortenedRule(rule: Rule, factor: number): Rule {
  const expr = shortenedExpression(rule.expr, factor);
  if ('record' in rule) return { ...rule, expr };
  return {
    ...rule,
    expr,
    for: shortenedDuration(rule.for, factor, LOOKS.test(rule.expr) ? LEAST_FOR_LOOKS_S : LEAST_FOR_S),
    ...(rule.keep_firing_for !== undefined && {
      keep_firing_for: shortenedDuration(rule.keep_firing_for, factor, LEAST_KEEP_S),
    }),
  };
}

export function shortenedExpression(expr: string, factor: number): string {
  const edits: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  parser.parse(expr).iterate({
    enter({ name, from, to, node }) {
      const text = expr.slice(from, to);
      if (name === 'NumberDurationLiteralInDurationContext') {
        const least = IN_LOOKS.test(expr.slice(0, from)) ? LEAST_OF_LOOKS_S : LEAST_WINDOW_S;
        edits.push({ from, to, text: shortenedDuration(text, factor, least) });
      } else if (
        name === 'NumberDurationLiteral' &&
        isCompared(node.parent) &&
        Number(text) >= LEAST_TIME_S
      ) {
        edits.push({ from, to, text: String(Math.max(LEAST_THRESHOLD_S, Number(text) / factor)) });
      }
    },
  });
  return edits.reduceRight((text, edit) => text.slice(0, edit.from) + edit.text + text.slice(edit.to), expr);
}

const LOOKS = /\bchanges\(lag_monitor_/;
const IN_LOOKS = /\bchanges\(lag_monitor_[^()]*$/;

function isCompared(parent: { getChild(name: string): unknown } | null): boolean {
  return (
    parent !== null && ['Gtr', 'Lss', 'Gte', 'Lte'].some((operator) => parent.getChild(operator) !== null)
  );
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function shortenedDuration(duration: string, factor: number, leastSeconds: number): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN);
  if (Number.isNaN(seconds)) throw new Error(`a duration that is not known here: ${duration}`);
  return `${Math.max(leastSeconds, Math.round(seconds / factor))}s`;
}
