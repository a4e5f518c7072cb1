import { describe, expect, it } from 'vitest';
import { readRuleFiles, rulesOf } from './rule-file.ts';
import { shortenedExpression, shortenedRules } from './shortened-rules.ts';

describe('rules shortened for a drill', () => {
  it('have their windows, offsets and times divided, nothing else', () => {
    expect(shortenedExpression('lag_seconds > 300 and changes(offset_now[2m]) == 0', 10)).toBe(
      'lag_seconds > 30 and changes(offset_now[12s]) == 0',
    );
    expect(shortenedExpression('rate(a{b="[5m]"}[1m] offset 1m) > 0.02 and c >= 10', 10)).toBe(
      'rate(a{b="[5m]"}[6s] offset 6s) > 0.02 and c >= 10',
    );
    expect(shortenedExpression('max(last_over_time(a[1d])) * 60', 10)).toBe(
      'max(last_over_time(a[8640s])) * 60',
    );
  });

  it('have windows that hold samples, and no age below two looks of the lag monitor', () => {
    expect(shortenedExpression('rate(a[1m]) > 0', 60)).toBe('rate(a[4s]) > 0');
    expect(shortenedExpression('time() - max(a) > 60', 60)).toBe('time() - max(a) > 12');
    expect(shortenedExpression('max(changes(lag_monitor_a[1m])) == 0 or changes(b[1m]) > 0', 60)).toBe(
      'max(changes(lag_monitor_a[20s])) == 0 or changes(b[4s]) > 0',
    );
  });

  it('are the same rules', () => {
    const files = readRuleFiles();
    const shortened = new Map([...files].map(([name, file]) => [name, shortenedRules(file, 10)]));
    const nameOf = (rule: object) =>
      'alert' in rule ? rule.alert : 'record' in rule ? rule.record : undefined;
    expect(rulesOf(shortened).map(nameOf)).toEqual(rulesOf(files).map(nameOf));
    const lagHigh = rulesOf(shortened).find((rule) => 'alert' in rule && rule.alert === 'ConsumerLagHigh');
    expect(lagHigh).toMatchObject({ expr: 'consumergroup_topic:lag_seconds:max > 30', for: '12s' });
  });
});
