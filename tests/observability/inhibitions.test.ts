import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

type Labels = Readonly<Record<string, string>>;

interface Inhibition {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal?: readonly string[];
}

const file = path.join(import.meta.dirname, '../../prometheus/alertmanager.yml');
const { inhibit_rules: rules } = parse(readFileSync(file, 'utf8')) as {
  readonly inhibit_rules: readonly Inhibition[];
};

/** `name = value` or `name =~ "pattern"`: all that the file has. */
function holds(matcher: string, labels: Labels): boolean {
  const [, name = '', operator, quoted = ''] = /^(\w+) (=~|=) (.+)$/.exec(matcher) ?? [];
  expect(operator, matcher).toBeDefined();
  const value = quoted.replace(/^"(.*)"$/, '$1');
  return new RegExp(operator === '=' ? `^${RegExp.escape(value)}$` : `^(?:${value})$`).test(
    labels[name] ?? '',
  );
}

function silences(source: Labels, target: Labels): boolean {
  return rules.some(
    ({ source_matchers, target_matchers, equal = [] }) =>
      source_matchers.every((matcher) => holds(matcher, source)) &&
      target_matchers.every((matcher) => holds(matcher, target)) &&
      equal.every((name) => source[name] === target[name]),
  );
}

/** Aim: what explains an alert silences it, and what explains another one does not. The drill does it with the real Alertmanager. */
describe('what silences what', () => {
  const noLog = (job: string) => ({ alertname: 'EventLogUnavailable', job, instance: `${job}-3:80` });
  const stalled = { alertname: 'ConsumerStalled', consumergroup: 'g', topic: 't', partition: '0' };
  const late = { alertname: 'ConsumerLagHigh', consumergroup: 'g', topic: 't' };
  const unmeasured = { alertname: 'LagMonitorDown' };
  const gone = { alertname: 'DevicesGone' };

  it('[P7] one gateway that may not write the log hides no stall of the consumers', () => {
    for (const job of ['ingest-gateway', 'mqtt-source']) {
      expect([stalled, late].filter((target) => silences(noLog(job), target))).toEqual([]);
      expect([gone, unmeasured].every((target) => silences(noLog(job), target))).toBe(true);
    }
  });

  it('a log that is away for those who consume or measure explains that nothing moves', () => {
    for (const job of ['processors', 'lag-monitor', 'standalone']) {
      expect([stalled, late, unmeasured, gone].every((target) => silences(noLog(job), target))).toBe(true);
    }
  });

  it('nothing silences what stands at the beginning', () => {
    for (const target of [noLog('ingest-gateway'), { alertname: 'StoreWritesFailing' }]) {
      const sources = [...['ingest-gateway', 'lag-monitor'].map(noLog), stalled, late, unmeasured, gone];
      expect(sources.filter((source) => silences(source, target))).toEqual([]);
    }
  });
});
