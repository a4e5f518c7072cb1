import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { point, range } from '#telemetry-store/suite/points.ts';
import type { Point } from '#telemetry-store/telemetry-store.ts';
import { SentPoint } from './refusal.ts';
import type { Verdict } from './write-answer.ts';
import { writeInParts } from './write-in-parts.ts';

const SHARD_MS = 1_000;

/**
 * Answers as InfluxDB 2.7 does: bad lines first and all of them, then the retention, then the types; of several shards
 * only one answers, with its own count.
 */
class PretendedInfluxDb {
  readonly stored = new Set<string>();
  requests = 0;
  readonly #isUnparsable: (point: Point) => boolean;
  readonly #isConflict: (point: Point) => boolean;
  readonly #words: (words: string) => string;

  constructor(rules: {
    readonly isUnparsable?: (point: Point) => boolean;
    readonly isConflict?: (point: Point) => boolean;
    /** What another version makes of the words. */
    readonly words?: (words: string) => string;
  }) {
    this.#isUnparsable = rules.isUnparsable ?? (() => false);
    this.#isConflict = rules.isConflict ?? (() => false);
    this.#words = rules.words ?? ((words) => words);
  }

  readonly send = async (points: readonly Point[]): Promise<Verdict> => {
    this.requests++;
    const part = points.map((each, index) => new SentPoint(index, each));
    const refused = (reason: string): Verdict => ({ kind: 'refused', reason: this.#words(reason) });
    const unparsable = part.filter(({ point }) => this.#isUnparsable(point));
    if (unparsable.length > 0) {
      return refused(unparsable.map(({ line }) => `unable to parse '${line}': invalid`).join('\n'));
    }
    const shards = Map.groupBy(part, ({ point }) => Math.floor(point.timestamp / SHARD_MS));
    let answer: Verdict = { kind: 'stored' };
    for (const shard of shards.values()) {
      const bad = shard.filter(({ point }) => this.#isConflict(point));
      for (const { line, point } of shard) if (!this.#isConflict(point)) this.stored.add(line);
      const first = bad[0]?.point;
      if (first === undefined) continue;
      const field = `input field "${first.fields[1]?.name}" on measurement "${first.measurement}"`;
      answer = refused(
        `field type conflict: ${field} is type float, already exists as type string dropped=${bad.length}`,
      );
    }
    return answer;
  };
}

const clean = (at: number) => point('clean', 'dev-1', at, { x: 1 });
const dirty = (at: number) => point('dirty', 'dev-1', at, { x: 1 });
const isDirty = ({ measurement }: Point) => measurement === 'dirty';

async function writeTo(server: PretendedInfluxDb, points: readonly Point[]): Promise<number[]> {
  const { outcome, requests } = await writeInParts(points, server.send);
  expect(requests).toBe(server.requests);
  if (outcome.kind !== 'written') throw new Error(outcome.kind);
  return outcome.rejected.map(({ index }) => index);
}

describe('points refused by InfluxDB are found by writing in parts', () => {
  test.each([0, 1, 2_499, 4_999])('one bad point among 5,000, at %d: 3 requests', async (bad) => {
    const server = new PretendedInfluxDb({ isConflict: isDirty });
    const points = range(5_000).map((i) => (i === bad ? dirty(i % 900) : clean(i)));
    expect(await writeTo(server, points)).toEqual([bad]);
    expect(server.stored.size).toBe(4_999);
    expect(server.requests).toBe(3);
  });

  test('the same from a version whose words say nothing: halving, 26 requests at most', async () => {
    const server = new PretendedInfluxDb({ isConflict: isDirty, words: () => 'no' });
    const points = range(5_000).map((i) => (i === 3_217 ? dirty(i) : clean(i)));
    expect(await writeTo(server, points)).toEqual([3_217]);
    expect(server.requests).toBeLessThanOrEqual(27);
  });

  test('every second point bad: 3 requests', async () => {
    const server = new PretendedInfluxDb({ isConflict: isDirty });
    const points = range(900).map((i) => (i % 2 === 0 ? dirty(i) : clean(i)));
    expect(await writeTo(server, points)).toEqual(range(450).map((i) => 2 * i));
    expect(server.requests).toBe(3);
  });

  test('5,000 bad points: 1 request', async () => {
    const server = new PretendedInfluxDb({ isConflict: isDirty });
    expect(
      await writeTo(
        server,
        range(5_000).map(() => dirty(1)),
      ),
    ).toHaveLength(5_000);
    expect(server.requests).toBe(1);
  });

  test('5,000 lines that cannot be parsed: 1 request, each with its own reason', async () => {
    const server = new PretendedInfluxDb({ isUnparsable: isDirty });
    const { outcome } = await writeInParts(range(5_000).map(dirty), server.send);
    expect(server.requests).toBe(1);
    const rejected = outcome.kind === 'written' ? outcome.rejected : [];
    expect(rejected[17]?.reason).toContain(' 17');
    expect(rejected[18]?.reason).not.toContain(' 17\n');
  });

  test('a count of one shard is not taken for the count of all', async () => {
    const server = new PretendedInfluxDb({ isConflict: isDirty });
    // The shard that answers has 2 bad points, as many as ... the other one has too.
    const points = [dirty(1), dirty(2), dirty(SHARD_MS + 1), dirty(SHARD_MS + 2), clean(1), clean(SHARD_MS)];
    expect(await writeTo(server, points)).toEqual([0, 1, 2, 3]);
    expect(server.stored.size).toBe(2);
  });

  test('whatever is bad and whatever the words: exactly the bad ones are rejected, the others stored', async () => {
    const kinds = fc.constantFrom('clean', 'unparsable', 'conflict', 'conflict-elsewhere');
    const batch = fc.array(fc.record({ kind: kinds, at: fc.nat(4 * SHARD_MS) }), {
      minLength: 1,
      maxLength: 60,
    });
    const words = fc.constantFrom<(words: string) => string>(
      (text) => text,
      (text) => text.replace(/dropped=\d+/, ''),
      (text) => text.replaceAll('"', ''),
      () => '',
    );
    await fc.assert(
      fc.asyncProperty(batch, words, async (entries, inOtherWords) => {
        const server = new PretendedInfluxDb({
          isUnparsable: ({ measurement }) => measurement === 'unparsable',
          isConflict: ({ measurement }) => measurement.startsWith('conflict'),
          words: inOtherWords,
        });
        const points = entries.map(({ kind, at }, i) => point(kind, `dev-${i}`, at, { x: 1 }));
        const bad = points.flatMap(({ measurement }, i) => (measurement === 'clean' ? [] : [i]));
        expect(await writeTo(server, points)).toEqual(bad);
        expect(server.stored.size).toBe(points.length - bad.length);
        expect(server.requests).toBeLessThanOrEqual(2 * points.length);
      }),
      { numRuns: 200 },
    );
  });

  test.each<Verdict>([
    { kind: 'retry', cause: 'unreachable', detail: 'gone' },
    { kind: 'misconfigured', detail: 'token' },
  ])('an answer that blames no point is the outcome of the whole batch: $kind', async (verdict) => {
    const server = new PretendedInfluxDb({ isConflict: isDirty });
    const send = (part: readonly Point[]) =>
      server.requests === 2 ? Promise.resolve(verdict) : server.send(part);
    const { outcome } = await writeInParts([clean(1), dirty(2), clean(3)], send);
    expect(outcome).toEqual(verdict);
  });
});
