import type { RandomStream } from '#simulator/random-stream.ts';
import { mutate } from './mutate.ts';

const KEYS: readonly [string, ...string[]] = [
  'schema',
  'ts',
  'seq',
  'values',
  '__proto__',
  'constructor',
  '',
  'x'.repeat(300),
];
const VALUES: readonly [string, ...string[]] = [
  '1e999',
  '-0',
  '9007199254740993',
  'null',
  '{}',
  '[]',
  '"\\ud800"',
  '"\u202e"',
  'true',
  '{"__proto__":{"x":1}}',
  '"environment/1"',
];

function goodReading(random: RandomStream): string {
  const ts = Date.now() - random.below(1_000_000);
  return `{"schema":"environment/1","ts":${ts},"seq":${random.below(1e6)},"values":{"temperature":21.5,"humidity":40}}`;
}

/** Payloads from good to nonsense: most are nearly readings. */
export function hostilePayload(random: RandomStream): Buffer {
  const kind = random.below(10);
  if (kind < 3) return Buffer.from(goodReading(random));
  if (kind < 6) return mutate(Buffer.from(goodReading(random)), random);
  if (kind === 6) {
    const members = Array.from(
      { length: random.below(30) },
      () => `${JSON.stringify(random.pick(KEYS))}:${random.pick(VALUES)}`,
    );
    return Buffer.from(`{${members.join(',')}}`);
  }
  if (kind === 7) {
    const elements = Array.from({ length: random.below(40) }, () =>
      random.chance(0.5) ? goodReading(random) : random.pick(VALUES),
    );
    return Buffer.from(`[${elements.join(',')}]`);
  }
  if (kind === 8) return Buffer.from('['.repeat(random.below(5_000)));
  return Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)));
}
