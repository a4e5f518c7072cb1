import { expect, test } from 'vitest';
import type { Figures } from './measurements.ts';
import { ratePlots } from './rate-plots.ts';
import { formatReport, mediansOf } from './report.ts';

test('a figure is told as its median, and between what it lay', () => {
  const runs = new Map([['memory: embedded', [{ idleMiB: 130 }, { idleMiB: 120 }, { idleMiB: 150 }]]]);
  expect(mediansOf(runs).get('memory: embedded')).toEqual({ idleMiB: 130 });
  expect(formatReport(runs)).toMatch(/^memory: embedded\n {2}idleMiB +130 {2}\(120–150\)\n$/);
});

test('a rate is also told as a multiple of the bare broker, and one run has no spread', () => {
  const runs = new Map([
    ['throughput: bare Aedes, 1 a message', [{ acknowledgedPerSecond: 100 }]],
    ['throughput: embedded, 1 a message', [{ acknowledgedPerSecond: 50 }]],
  ]);
  expect(formatReport(runs)).toMatch(/acknowledgedPerSecond +50 {2}0\.50 × bare Aedes\n$/);
});

test('a plot is made of what was measured at shares of saturation', () => {
  const figures = { saturatedPerSecond: 1_000, at1PubackP50Ms: 1, at75PubackP50Ms: 4, at75AgeP99Ms: 90 };
  const plots = ratePlots(
    new Map<string, Figures>([
      ['rates: Kafka, InfluxDB, 1 a message', figures],
      ['memory: embedded', {}],
    ]),
  );
  expect(plots.map(({ file }) => file)).toEqual(['rates-kafka-influxdb-1-a-message.svg']);
  expect(plots[0]?.svg.match(/<circle/g)).toHaveLength(3);
});
