import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { KeptResult } from './kept-results.ts';
import type { Figures } from './measurements.ts';
import { kindOf, planOf } from './plan.ts';
import { assertPlaces, writeResults } from './written-results.ts';

const WHENCE = {
  command: 'npm run bench -- --write',
  machine: 'commit abc1234, Node 24.0.0, 2 × some CPU, 24 GiB, Linux 6.1',
  load: '0.1 0.2 0.3',
  at: '2026-11-26T10:00:00.000Z',
};
/** A day later, of another commit. */
const LATER = { ...WHENCE, machine: 'commit def5678', at: '2026-11-27T10:00:00.000Z' };
const DOCUMENT = `# Results

<!-- bench: latency -->

as it was

<!-- /bench: latency -->

between

<!-- bench: drain --><!-- /bench: drain -->

the end
`;
const result = (measurement: string, runs: readonly Figures[], whence = WHENCE): KeptResult => ({
  measurement,
  ...whence,
  runs,
});
const BARE = result('latency: bare Aedes, 1 a message', [
  { idleP50Ms: 0.3 },
  { idleP50Ms: 0.25 },
  { idleP50Ms: 0.4 },
]);

test('results stand in the place of their kind, with whence they are; all else stays', () => {
  const three = [1.4, 1.4, 1.4].map((idleP50Ms) => ({ idleP50Ms, embeddedMiB: 130 }));
  const results = [BARE, result('latency: embedded, 1 a message', three), result('drain: Kafka', [{}])];
  const written = writeResults(DOCUMENT, 'latency', results);
  expect(written).toBe(
    DOCUMENT.replace(
      'as it was',
      `### Latency

\`npm run bench -- --write\`, 2026-11-26: medians of 3 rounds, and between what they lay. ${WHENCE.machine}, load 0.1 0.2 0.3.

|  | idle p50 ms |
|---|---|
| bare Aedes, 1 a message | 0.3 (0.25–0.4) |
| embedded, 1 a message | 1.4 (1.4–1.4) |

| what it takes | embedded MiB |
|---|---|
| bare Aedes, 1 a message |  |
| embedded, 1 a message | 130 (130–130) |`,
    ),
  );
  expect(writeResults(written, 'latency', results)).toBe(written);
});

test('of several runs each row says of which it is', () => {
  const later = result('latency: embedded, 1 a message', [{ idleP50Ms: 1.4 }], LATER);
  expect(writeResults(DOCUMENT, 'latency', [BARE, later])).toContain(`### Latency

1. \`npm run bench -- --write\`, 2026-11-26: medians of 3 rounds, and between what they lay. ${WHENCE.machine}, load 0.1 0.2 0.3.
2. \`npm run bench -- --write\`, 2026-11-27: one round. commit def5678, load 0.1 0.2 0.3.

|  | idle p50 ms |
|---|---|
| bare Aedes, 1 a message (run 1) | 0.3 (0.25–0.4) |
| embedded, 1 a message (run 2) | 1.4 |
`);
});

test('where there are more figures than setups, they are the rows; rates are plotted', () => {
  const figures = { saturatedPerSecond: 1_000, at1PubackP50Ms: 1, at75AgeP99Ms: 90 };
  const document = '<!-- bench: rates -->\n<!-- /bench: rates -->';
  const written = writeResults(document, 'rates', [result('rates: embedded, 1 a message', [figures])]);
  expect(written).toContain(`|  | embedded, 1 a message |
|---|---|
| saturated per second | 1,000 |
| at 1 % puback p50 ms | 1 |
| at 75 % age p99 ms | 90 |

![rates-embedded-1-a-message.svg](rates-embedded-1-a-message.svg)
`);
});

test('what has no place in the document is told before anything is measured', () => {
  expect(() => assertPlaces(DOCUMENT, ['latency', 'burst'])).toThrow(/no place for "burst"/);
  expect(() => assertPlaces('<!-- /bench: drain --><!-- bench: drain -->', ['drain'])).toThrow(/drain/);
});

test('the document has a place for all that can be measured', () => {
  const services = { env: {}, pids: {}, signal: AbortSignal.abort() };
  // Nothing is started before it is measured.
  const peer = { influxDb: {}, kafka: {}, telegraf: '' } as unknown as Parameters<typeof planOf>[0]['peer'];
  const kinds = planOf({ signal: services.signal, real: services, peer }).map(({ name }) => kindOf(name));
  const document = readFileSync(new URL('../docs/benchmarks.md', import.meta.url), 'utf8');
  expect(() => assertPlaces(document, kinds)).not.toThrow();
  expect(new Set(kinds).size).toBeGreaterThan(8);
});
