import type { FieldValue } from '#contract/reading.ts';
import type { FieldDefinition } from '#contract/schema-registry.ts';
import type { RandomStream } from './random-stream.ts';

/** Gives the value of one field, reading after reading. */
export type Waveform = () => FieldValue;

/**
 * Readings per simulated day. Counted in readings rather than in wall-clock time, so that the values depend on the
 * seed and the sequence number alone; at one reading a second a day passes in 24 minutes.
 */
const READINGS_PER_DAY = 1440;

/**
 * Invents a plausible course for a field from its JSON Schema: `x-typical: [low, high]` (else minimum and maximum)
 * gives the range, `x-counter` a total that only rises. `const`, `enum` and `examples` are taken as they are.
 *
 * @returns `undefined` for a string with a `pattern` or `format` and no examples: nobody can guess those.
 */
export function createWaveform(field: FieldDefinition, random: RandomStream): Waveform | undefined {
  const listed = listedValues(field);
  if (listed !== undefined) return fromList(listed, random);
  switch (field.kind) {
    case 'boolean':
      return flipping(random);
    case 'string':
      return words(field, random);
    default:
      return field.schema['x-counter'] === true
        ? counter(numericRange(field), random)
        : signal(numericRange(field), random);
  }
}

function listedValues(field: FieldDefinition): readonly [FieldValue, ...FieldValue[]] | undefined {
  const { schema } = field;
  const list = schema['const'] !== undefined ? [schema['const']] : (schema['enum'] ?? schema['examples']);
  if (!Array.isArray(list)) return undefined;
  const [first, ...rest] = list.filter((value): value is FieldValue =>
    field.kind === 'integer' || field.kind === 'float'
      ? typeof value === 'number'
      : typeof value === field.kind,
  );
  return first === undefined ? undefined : [first, ...rest];
}

/** A state that mostly stays and sometimes changes. */
function fromList(values: readonly [FieldValue, ...FieldValue[]], random: RandomStream): Waveform {
  let current = random.pick(values);
  return () => {
    if (random.chance(0.05)) current = random.pick(values);
    return current;
  };
}

function flipping(random: RandomStream): Waveform {
  let current = random.chance(0.5);
  return () => {
    if (random.chance(0.03)) current = !current;
    return current;
  };
}

function words(field: FieldDefinition, random: RandomStream): Waveform | undefined {
  const { pattern, format, minLength, maxLength } = field.schema;
  if (pattern !== undefined || format !== undefined) return undefined;
  const shortest = typeof minLength === 'number' ? minLength : 0;
  const longest = typeof maxLength === 'number' ? maxLength : Math.max(32, shortest);
  const shape = (word: string): string => word.padEnd(shortest, '-').slice(0, longest);
  return fromList([shape('idle'), shape('running'), shape('blocked'), shape('service')], random);
}

interface NumericRange {
  readonly low: number;
  readonly high: number;
  readonly measure: (value: number) => number;
}

/** The typical range within the allowed one, and the rounding a real sensor would have: about a thousandth of its range. */
function numericRange(field: FieldDefinition): NumericRange {
  const { schema } = field;
  const integer = field.kind === 'integer';
  const bound = (keyword: string, fallback: number): number => {
    const value = schema[keyword];
    return typeof value === 'number' ? value : fallback;
  };
  const limit = Number.MAX_SAFE_INTEGER;
  const floor = Math.max(bound('minimum', -limit), bound('exclusiveMinimum', -limit));
  const ceiling = Math.min(bound('maximum', limit), bound('exclusiveMaximum', limit));
  const [low, high] = typicalRange(schema['x-typical'], floor, ceiling);

  const digits = integer ? 0 : Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(high - low || 1))));
  const multiple = bound('multipleOf', integer ? 1 : 0);
  const step = multiple > 0 ? multiple : 10 ** -digits;
  const least = floor === schema['exclusiveMinimum'] ? floor + step : floor;
  const most = ceiling === schema['exclusiveMaximum'] ? ceiling - step : ceiling;
  const measure = (value: number): number => {
    const clamped = Math.min(most, Math.max(least, value));
    // `+ 0` turns -0, which JSON writes as 0, into what comes back from the store.
    const rounded =
      multiple > 0 ? Math.round(clamped / multiple) * multiple : Number(clamped.toFixed(digits));
    return Math.min(most, Math.max(least, rounded)) + 0;
  };
  return { low, high, measure };
}

function typicalRange(typical: unknown, floor: number, ceiling: number): readonly [number, number] {
  if (Array.isArray(typical) && typeof typical[0] === 'number' && typeof typical[1] === 'number') {
    return [Math.max(floor, typical[0]), Math.min(ceiling, typical[1])];
  }
  const unbounded = Number.MAX_SAFE_INTEGER;
  if (floor > -unbounded && ceiling < unbounded) return [floor, ceiling];
  if (floor > -unbounded) return [floor, floor + 100];
  return ceiling < unbounded ? [ceiling - 100, ceiling] : [0, 100];
}

/** A daily cycle around the device's own level, slow drift that comes back, and a little noise. */
function signal({ low, high, measure }: NumericRange, random: RandomStream): Waveform {
  const span = high - low;
  const level = low + span * random.between(0.35, 0.65);
  const amplitude = span * random.between(0.1, 0.3);
  const startOfDay = random.between(0, 2 * Math.PI);
  let drift = 0;
  let reading = 0;
  return () => {
    const cycle = Math.sin(startOfDay + (2 * Math.PI * reading++) / READINGS_PER_DAY);
    drift = 0.998 * drift + 0.004 * random.bell();
    const value = level + amplitude * cycle + span * (drift + 0.004 * random.bell());
    return measure(Math.min(high, Math.max(low, value)));
  };
}

/** A total: starts somewhere in the lower half of its range and only rises, at a changing pace. */
function counter({ low, high, measure }: NumericRange, random: RandomStream): Waveform {
  let total = random.between(low, low + (high - low) / 2);
  const stride = Math.max(1, (high - low) / 5e6);
  return () => {
    total += stride * 2 * random.next();
    return measure(total);
  };
}
