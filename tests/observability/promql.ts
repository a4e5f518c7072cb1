import { parser } from '@prometheus-io/lezer-promql';

/** The instant selectors of an expression, `metric{label="value"}`, each once. @throws on a syntax error */
export function selectorsOf(expr: string): readonly string[] {
  const selectors = new Set<string>();
  parser.parse(expr).iterate({
    enter({ name, type, from, to }) {
      if (type.isError) throw new Error(`not PromQL at ${from}: ${expr}`);
      if (name === 'VectorSelector') selectors.add(expr.slice(from, to));
    },
  });
  return [...selectors];
}

/** The metrics that an expression reads, each once; of histograms and summaries the name that they are exported under. */
export function metricsOf(expr: string): readonly string[] {
  return [
    ...new Set(
      selectorsOf(expr).map((selector) => selector.replace(/\{.*$/s, '').replace(/_(bucket|sum|count)$/, '')),
    ),
  ];
}

/** What Grafana puts in for its own variables and those of a dashboard. */
export function withVariables(query: string, variables: Readonly<Record<string, string>>): string {
  const all: Record<string, string> = { __rate_interval: '1m', __range: '5m', ...variables };
  return query.replace(
    /\$\{(\w+)(?::\w+)?\}|\$(\w+)/g,
    (whole, braced, plain) => all[braced ?? plain] ?? whole,
  );
}
