import { describe, expect, it } from 'vitest';
import { metricsOf, selectorsOf, withVariables } from './promql.ts';

describe('what a PromQL expression reads', () => {
  it('is its selectors, wherever they stand', () => {
    const expr =
      'label_replace(max by (topic) (lag{a="x}\\"",b=~"y"}) / on (topic) max by (topic) (last_over_time(b[1d])) > 0.7, "limit", "time", "", "") or job:c:sum offset 5m';
    expect(selectorsOf(expr)).toEqual(['lag{a="x}\\"",b=~"y"}', 'b', 'job:c:sum']);
    expect(metricsOf(expr)).toEqual(['lag', 'b', 'job:c:sum']);
  });

  it('is a histogram by the name it is exported under', () => {
    expect(
      metricsOf('histogram_quantile(0.5, sum by (le) (rate(a_seconds_bucket[1m]))) + a_seconds_sum'),
    ).toEqual(['a_seconds']);
  });

  it('is nothing that can be told when it is not PromQL', () => {
    expect(() => selectorsOf('sum(rate(a[1m])')).toThrow('not PromQL');
  });

  it('has its variables put in as Grafana does', () => {
    expect(
      withVariables(`rate(a{i=~"$instance"}[$__rate_interval]) $other \${device:regex}`, {
        instance: '.*',
        device: 'd',
      }),
    ).toBe('rate(a{i=~".*"}[1m]) $other d');
  });
});
