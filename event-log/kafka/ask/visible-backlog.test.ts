import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VisibleBacklog } from './visible-backlog.ts';

/** A partition: by offset the time of a record, or null for what nobody may see. */
type Partition = readonly (number | null)[];

/** As a broker answers, `size` offsets at a time. */
function find(log: Partition, from: number, size: number) {
  const after = Math.min(log.length, from + size);
  const records = [];
  for (let position = from; position < after; position++) {
    const timestamp = log[position];
    if (typeof timestamp === 'number') records.push({ position, timestamp });
  }
  return { records, after, upTo: after };
}

function look(backlog: VisibleBacklog, log: Partition, start: number, size: number, now = 0): number {
  let fetches = 0;
  backlog.begin(start, log.length, now);
  for (let at = backlog.next(); at !== undefined; at = backlog.next()) {
    backlog.learn(at, find(log, at, size));
    fetches++;
  }
  return fetches;
}

describe('[P7] the backlog that a consumer could still read', () => {
  test('leaves out what nobody may see, in front, between and at the end', () => {
    const backlog = new VisibleBacklog();
    look(backlog, [null, null, 20, null, 40, 50, null], 0, 3);
    expect([backlog.records, backlog.since]).toEqual([3, 20]);
  });

  test('loses nothing of what was appended between the question for the end and the fetch', () => {
    const backlog = new VisibleBacklog();
    const log = [10, 20, 30, 40, 50];
    backlog.begin(0, 2, 0);
    const { records, ...fetched } = find(log, 0, 5);
    backlog.learn(0, { ...fetched, records: records.slice(0, 2) });
    expect(backlog.records).toBe(2);
    look(backlog, log, 0, 5);
    expect([backlog.records, backlog.since]).toEqual([5, 10]);
  });

  test('is nothing where only that is left', () => {
    const backlog = new VisibleBacklog();
    look(backlog, [0, 10, null, null, null], 2, 2);
    expect([backlog.records, backlog.since]).toEqual([0, null]);
  });

  test('of a group that stands still costs nothing more; what is new is looked at alone', () => {
    const backlog = new VisibleBacklog();
    const log: (number | null)[] = [0, 10, null, 30];
    expect(look(backlog, log, 1, 2)).toBe(2);
    expect(look(backlog, log, 1, 2)).toBe(0);
    log.push(null, 50);
    expect(look(backlog, log, 1, 2)).toBe(1);
    expect([backlog.records, backlog.since]).toEqual([3, 10]);
  });

  test('notices after a minute that compaction removed some of it', () => {
    const backlog = new VisibleBacklog();
    look(backlog, [0, 10, 20, 30], 0, 2, 0);
    const compacted = [null, null, 20, 30];
    look(backlog, compacted, 0, 2, 59_999);
    expect([backlog.records, backlog.since]).toEqual([4, 0]);
    look(backlog, compacted, 0, 2, 60_000);
    expect([backlog.records, backlog.since]).toEqual([2, 20]);
  });

  test('counts what is far away by its offsets, and more exactly with each look', () => {
    const backlog = new VisibleBacklog();
    const log = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? i : null));
    const counts = Array.from({ length: 4 }, () => {
      look(backlog, log, 0, 10);
      return backlog.records;
    });
    expect(counts).toEqual([80, 60, 50, 50]);
    expect(backlog.since).toBe(0);
  });

  test('behind more of what nobody may see than a look goes through begins no later than there', () => {
    const backlog = new VisibleBacklog();
    const log = [...Array.from({ length: 200 }, () => null), 7];
    look(backlog, log, 0, 1);
    expect([backlog.records, backlog.since]).toEqual([137, 64]);
    for (let i = 0; i < 3; i++) look(backlog, log, 0, 1);
    expect([backlog.records, backlog.since]).toEqual([1, 7]);
  });

  test('is right at the end, however the group moved and the partition grew', () => {
    const entry = fc.option(fc.nat({ max: 1_000 }), { freq: 2 });
    const step = fc.record({
      grown: fc.array(entry, { maxLength: 8 }),
      start: fc.nat(),
      size: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const backlog = new VisibleBacklog();
        const log: (number | null)[] = [];
        for (const { grown, start: any, size } of steps) {
          log.push(...grown);
          const start = any % (log.length + 1);
          for (let again = 0; again < log.length; again++) look(backlog, log, start, size);
          look(backlog, log, start, size);
          const visible = log.slice(start).filter((time) => time !== null);
          expect(backlog.records).toBe(visible.length);
          expect(backlog.since).toBe(visible[0] ?? null);
        }
      }),
    );
  });
});
