import type { DocumentedMetric, ProcessName } from '#docs/generate/metrics.ts';

/** The series of `/metrics`, as `name` and labels; those of prom-client for every process are left out. */
function seriesOf(
  text: string,
): readonly { readonly name: string; readonly labels: Record<string, string> }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !/^(#|process_|nodejs_)/.test(line))
    .map((line) => {
      const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      return {
        name,
        labels: Object.fromEntries(
          [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
        ),
      };
    });
}

/** What a process exports that docs/metrics.md does not say of it. */
export function undocumentedIn(
  text: string,
  process: ProcessName,
  documented: readonly DocumentedMetric[],
): readonly string[] {
  const byName = new Map(
    documented.filter(({ processes }) => processes.includes(process)).map((metric) => [metric.name, metric]),
  );
  const undocumented = new Set<string>();
  for (const { name, labels } of seriesOf(text)) {
    const metric = byName.get(name) ?? byName.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (metric === undefined) undocumented.add(name);
    for (const [label, value] of Object.entries(labels)) {
      const values = label === 'le' ? [] : metric?.labels.get(label);
      if (values === undefined || (values.length > 0 && !values.includes(value))) {
        undocumented.add(`${name}{${label}="${value}"}`);
      }
    }
  }
  return [...undocumented];
}
