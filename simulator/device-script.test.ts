import { expect, test } from 'vitest';
import { admit } from '#contract/admission.ts';
import { LIMITS } from '#contract/limits.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { DeviceScript, type Message, type ScriptOptions } from './device-script.ts';
import { randomStreams } from './random-stream.ts';
import { SCHEMAS } from './testing/pretend-pipeline.ts';

const START = 1_764_000_000_000;
const schema = SCHEMAS.get('environment/1') as ReadingSchema;

function script(options: Partial<ScriptOptions> = {}, seed = 1): DeviceScript {
  const streams = randomStreams(seed);
  const defaults = { schema, batch: 1, malformed: 0, late: 0, duplicate: 0, startedAt: START };
  return new DeviceScript({ ...defaults, ...options }, streams.next().value, streams.next().value);
}

/** Messages as fast as the clock allows. */
function messages(of: DeviceScript, count: number): Message[] {
  return Array.from({ length: count }, () => of.next(0, of.ready));
}

test('seq has no gaps and ts rises strictly, malformed readings included', () => {
  const readings = messages(script({ batch: 7, malformed: 0.3 }), 2_000).flatMap(
    (message) => message.readings,
  );
  expect(readings.map(({ seq }) => seq)).toEqual(readings.map((_, index) => index));
  let before = START;
  for (const { ts } of readings) {
    expect(ts).toBeGreaterThan(before);
    before = ts;
  }
});

test('ts is never ahead of the clock, and a catching-up device measures when it was due', () => {
  const device = script({ batch: 10 });
  const now = START + 60_000;
  const first = device.next(START + 5_000, now);
  expect(first.readings.at(-1)?.ts).toBe(START + 5_000);
  expect(device.next(START + 90_000, now).readings.at(-1)?.ts).toBe(now);
  expect(device.ready).toBe(now + 10);
});

test('late readings come from before the run, within the accepted clock range, each with a ts of its own', () => {
  const readings = messages(script({ batch: 3, late: 0.4 }), 3_000).flatMap((message) => message.readings);
  const late = readings.filter(({ ts }) => ts <= START);
  expect(late.length / readings.length).toBeCloseTo(0.4, 1);
  expect(Math.min(...late.map(({ ts }) => ts))).toBeGreaterThan(START - schema.maxAgeMs);
  expect(new Set(readings.map(({ ts }) => ts)).size).toBe(readings.length);
  for (const lane of [late, readings.filter(({ ts }) => ts > START)]) {
    expect(lane.map(({ ts }) => ts)).toEqual(lane.map(({ ts }) => ts).toSorted((a, b) => a - b));
  }
});

test('a run that has lasted as long as late readings lie back sends no more of them', () => {
  const device = script({ late: 1 });
  const later = START + schema.maxAgeMs;
  expect(device.next(later, later).readings[0].ts).toBe(later);
});

test.each([
  [1, 0.02],
  [5, 0.02],
  [100, 0.3],
  [1, 1],
  [5, 1],
])('with batches of %d the share of malformed readings is %d', (batch, malformed) => {
  const readings = messages(script({ batch, malformed }), 20_000 / Math.sqrt(batch)).flatMap(
    (it) => it.readings,
  );
  const share = readings.filter((reading) => reading.malformed).length / readings.length;
  expect(Math.abs(share - malformed)).toBeLessThan(0.01 + 0.1 * malformed * (1 - malformed));
});

test('the gateway accepts what is sound and refuses exactly what is malformed', () => {
  for (const message of messages(script({ batch: 20, malformed: 0.2 }), 500)) {
    const now = message.readings.at(-1)?.ts;
    const { accepted, rejects } = admit(message.payload, now, SCHEMAS);
    const [sound, malformed] = [false, true].map((kind) =>
      message.readings.filter((it) => it.malformed === kind),
    );
    expect(accepted?.readings.map(({ seq }) => seq) ?? []).toEqual(sound?.map(({ seq }) => seq));
    expect(rejects).toHaveLength(malformed?.length ?? -1);
  }
});

test('the largest batches stay below the size that is refused', () => {
  for (const each of SCHEMAS.values()) {
    for (const { payload, readings } of messages(script({ schema: each, batch: 500 }), 20)) {
      expect(payload.length).toBeLessThanOrEqual(LIMITS.payloadBytes);
      expect(readings.length).toBeGreaterThan(300);
    }
  }
});

test('what is said follows from the seed alone, whatever the clock says', () => {
  const options = { batch: 4, malformed: 0.1, late: 0.1, duplicate: 0.2 };
  const [one, other] = [script(options), script({ ...options, startedAt: START + 12_345 })];
  for (let message = 0; message < 300; message++) {
    const a = one.next(0, one.ready);
    const b = other.next(0, other.ready + (message % 7));
    expect(a.duplicate).toBe(b.duplicate);
    expect(a.readings.map(({ seq, malformed }) => [seq, malformed])).toEqual(
      b.readings.map(({ seq, malformed }) => [seq, malformed]),
    );
    const values = ({ payload, readings }: Message): unknown =>
      readings.some(({ malformed }) => malformed)
        ? undefined
        : (JSON.parse(payload.toString()) as { values: unknown }[]).map((reading) => reading.values);
    expect(values(a)).toEqual(values(b));
  }
});
