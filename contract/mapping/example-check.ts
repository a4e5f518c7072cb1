import { isDeepStrictEqual } from 'node:util';
import type { MappedReading } from './map-message.ts';
import type { ExpectedReading, MappingExample } from './mapping-example.ts';
import type { MappedMessage, Mappings } from './mappings.ts';

/** Maps each example and reports the ones that give something else than they say. Times are not judged by the clock. */
export function tryExamples(examples: readonly MappingExample[], mappings: Mappings): void {
  for (const { message, expect, at } of examples) {
    const mapped = mappings.mapUnjudged(message);
    const problem = difference(mapped, expect, message.receivedAt);
    if (problem !== undefined) at.fault(`gives something else than it says: ${problem}`);
  }
}

/** What is different from what was expected, for a person; `undefined` when nothing is. */
function difference(
  mapped: MappedMessage,
  expect: MappingExample['expect'],
  receivedAt: number,
): string | undefined {
  const found = outcomeOf(mapped);
  if (expect === 'ignore' || expect === 'reject')
    return found === expect ? undefined : `it gives ${describe(mapped)}`;
  if (found !== 'readings') return `it gives ${describe(mapped)}`;
  if (mapped.rejects.length > 0 || mapped.readings.length !== expect.length)
    return `it gives ${describe(mapped)}`;
  for (const [index, expected] of expect.entries()) {
    const reading = mapped.readings[index] as MappedReading;
    if (!isSame(reading, expected, receivedAt)) {
      return `reading ${index} is ${describeReading(reading)}`;
    }
  }
  return undefined;
}

function outcomeOf({ readings, ignored }: MappedMessage): 'ignore' | 'reject' | 'readings' {
  if (ignored !== undefined) return 'ignore';
  return readings.length === 0 ? 'reject' : 'readings';
}

function isSame({ device, reading }: MappedReading, expected: ExpectedReading, receivedAt: number): boolean {
  const ts = expected.ts === 'received' ? receivedAt : expected.ts;
  return (
    device === expected.device &&
    (expected.as === undefined || [reading.schema, reading.schema.split('/')[0]].includes(expected.as)) &&
    (ts === undefined || reading.ts === ts) &&
    isDeepStrictEqual({ ...reading.values }, expected.values)
  );
}

function describe(mapped: MappedMessage): string {
  if (mapped.rule === undefined) return 'nothing, since no rule has this topic';
  if (mapped.ignored !== undefined)
    return `nothing: it is ignored (${mapped.ignored}) by ${mapped.rule.topic}`;
  return [
    ...mapped.readings.map(describeReading),
    ...mapped.rejects.map(({ reason, detail }) => `${reason} ${JSON.stringify(detail)}`),
  ]
    .slice(0, 5)
    .join(', ');
}

function describeReading({ device, reading }: MappedReading): string {
  return `${device} ${JSON.stringify(reading)}`;
}
