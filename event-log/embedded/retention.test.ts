import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type EmbeddedEventLogOptions, openEmbeddedEventLog } from './open-embedded-event-log.ts';
import { appendUntilRefused } from './testing/append-until-refused.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const KILOBYTES = 1024;

describe('embedded event log: retention', () => {
  let dataDir: string;
  let clock: number;
  let monotonic: number;
  let metrics: Registry;
  let lines: { readonly msg: string; readonly heldBy?: readonly string[] }[];
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    clock = 1_764_000_000_000;
    monotonic = 0;
    metrics = new Registry();
    lines = [];
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const open = async (options: Partial<EmbeddedEventLogOptions> = {}): Promise<EventLog> => {
    const log = await openEmbeddedEventLog(
      {
        dataDir,
        role: 'owner',
        maxBytes: 1024 ** 3,
        retentionPassMs: 20,
        retentionDelayMs: 0,
        monotonicMs: () => monotonic,
        ...options,
      },
      {
        log: createLogger(
          { name: 'test', level: 'info' },
          { write: (line) => void lines.push(JSON.parse(line)) },
        ),
        metrics,
        now: () => clock,
        random: Math.random,
      },
    );
    onTestFinished(() => log.close());
    await log.ensureTopics([{ name: 'readings', cleanup: 'delete', retentionMs: MINUTE_MS }]);
    return log;
  };

  /** Time passes, and is seen to. */
  const pass = (ms: number) => {
    clock += ms;
    monotonic += ms;
  };

  const append = (log: EventLog, bytes = 100, key = 'a', deadlineMs = 60_000) =>
    log.append(
      { topic: 'readings', key, value: Buffer.alloc(bytes, 7), headers: {} },
      performance.now() + deadlineMs,
    );

  /** A group that takes records as long as `mayTake` holds. */
  const consume = (log: EventLog, group: string, mayTake: () => boolean = () => true) =>
    log.subscribe({
      topic: 'readings',
      group,
      maxBatchRecords: 1,
      maxBatchBytes: 1_000_000,
      onBatch: async () => {
        if (!mayTake()) throw new Error('not now');
      },
    });

  const progress = async (log: EventLog, group = 'writer') => {
    const [partition] = await log.progress('readings', group);
    if (partition === undefined) throw new Error('no partition');
    return partition;
  };

  const ageShown = async () =>
    Number(/^event_log_oldest_record_age_seconds.* (\d+)$/m.exec(await metrics.metrics())?.[1]);

  /** A whole pass that began after this call: of two that show a new time, the second one. */
  const passes = async () => {
    for (let round = 0; round < 2; round++) {
      const before = await ageShown();
      pass(1_000);
      await eventually(async () => expect(await ageShown()).toBeGreaterThan(before || 0));
    }
  };

  test('records go after their time when no group is known; younger ones stay, and offsets go on', async () => {
    const log = await open();
    for (let i = 0; i < 30; i++) await append(log);
    pass(MINUTE_MS / 2);
    await append(log);
    pass(MINUTE_MS / 2 + 1);
    await eventually(async () =>
      expect(await progress(log)).toMatchObject({ oldestOffset: 30, endOffset: 31 }),
    );
    pass(MINUTE_MS);
    await eventually(async () =>
      expect(await progress(log)).toMatchObject({ oldestOffset: 31, endOffset: 31 }),
    );
    expect(await append(log)).toEqual({ partition: 0, offset: 31 });
    // Before the oldest record: reading and consuming begin at the oldest that is left.
    expect((await Array.fromAsync(log.read('readings'))).map((r) => r.offset)).toEqual([31]);
  });

  test('[P2] what a known group has not consumed stays, however old, also when it never committed', async () => {
    const log = await open();
    let takes = 0;
    for (let i = 0; i < 10; i++) await append(log);
    await consume(log, 'writer', () => ++takes <= 4);
    await consume(log, 'never', () => false);
    await eventually(async () => expect(await progress(log)).toMatchObject({ committedOffset: 4 }));
    pass(10 * MINUTE_MS);
    await passes();
    expect(await progress(log)).toMatchObject({ oldestOffset: 0, committedOffset: 4 });
    expect(await progress(log, 'never')).toMatchObject({ oldestOffset: 0, committedOffset: -1 });
  });

  test('[P2] what every known group consumed goes; a group is still waited for when it is not there', async () => {
    const first = await open();
    let takes = 0;
    for (let i = 0; i < 10; i++) await append(first);
    await consume(first, 'slow', () => ++takes <= 4);
    await consume(first, 'fast');
    await eventually(async () => {
      expect((await progress(first, 'slow')).committedOffset).toBe(4);
      expect((await progress(first, 'fast')).committedOffset).toBe(10);
    });
    await first.close();

    metrics = new Registry();
    const log = await open();
    pass(2 * DAY_MS);
    await eventually(async () => expect((await progress(log, 'slow')).oldestOffset).toBe(4));
    await passes();
    expect((await progress(log, 'slow')).oldestOffset).toBe(4);
  });

  test('a group that was not seen for a week is not waited for any more', async () => {
    const first = await open();
    for (let i = 0; i < 10; i++) await append(first);
    await consume(first, 'renamed', () => false);
    await consume(first, 'writer');
    await eventually(async () => expect((await progress(first)).committedOffset).toBe(10));
    await first.close();

    metrics = new Registry();
    const log = await open();
    await consume(log, 'writer');
    pass(8 * DAY_MS);
    await eventually(async () => expect((await progress(log)).oldestOffset).toBe(10));
  });

  test('nothing is removed before groups had time to subscribe', async () => {
    const first = await open({ retentionDelayMs: 60_000 });
    await append(first);
    pass(DAY_MS);
    await passes();
    expect((await progress(first)).oldestOffset).toBe(0);
  });

  test('a compacted topic holds one record a key, and forgets removed keys after a day', async () => {
    const log = await open();
    await log.ensureTopics([{ name: 'state', cleanup: 'compact', retentionMs: 1 }]);
    const put = (key: string, value: string | null) =>
      log.append(
        { topic: 'state', key, value: value === null ? null : Buffer.from(value), headers: {} },
        performance.now() + 60_000,
      );
    await Promise.all([put('a', '1'), put('b', '1'), put('a', '2'), put('c', '1'), put('b', null)]);
    const state = async () =>
      (await Array.fromAsync(log.read('state'))).map((r) => `${r.offset} ${r.key} ${r.value ?? '-'}`);
    expect(await state()).toEqual(['2 a 2', '3 c 1', '4 b -']);
    pass(DAY_MS + 1);
    await eventually(async () => expect(await state()).toEqual(['2 a 2', '3 c 1']));
    expect(await log.progress('state', 'g')).toMatchObject([{ oldestOffset: 2, endOffset: 5 }]);
  });

  describe('at the size limit', () => {
    const maxBytes = 2 * 1024 * KILOBYTES;

    test('[P6] consumed records go before their time, so that appending goes on for ever', async () => {
      const log = await open({ maxBytes });
      await consume(log, 'writer');
      for (let i = 0; i < 200; i++) {
        await append(log, 50 * KILOBYTES);
        // A real writer keeps up or is waited for; the limit is not to be hit by the test's own haste.
        await eventually(async () => expect((await progress(log)).committedOffset).toBe(i + 1));
      }
      const { oldestOffset, endOffset } = await progress(log);
      expect(endOffset).toBe(200);
      expect(oldestOffset).toBeGreaterThan(150);
      const said = lines.map((line) => line.msg).filter((line) => /removed|filling up/.test(line));
      // That is how a healthy log lives for years: no reason for an alarm, nor for a line each time.
      expect(said).toEqual([
        'records that were consumed or settled removed before their retention time, to make room',
      ]);
    });

    test('[P2] [P6] when nothing may be removed: says so early, then refuses, and takes records again when there is room', async () => {
      const log = await open({ maxBytes });
      let mayTake = false;
      await consume(log, 'writer', () => mayTake);
      await append(log, 100);
      const acknowledged = 1 + (await appendUntilRefused(log, () => append(log, 50 * KILOBYTES)));
      await eventually(() =>
        expect(append(log, 50 * KILOBYTES, 'a', 300)).rejects.toMatchObject({
          code: 'not-durable',
          message: expect.stringContaining('EMBEDDED_MAX_BYTES'),
        }),
      );
      expect(log.health()).toMatchObject({
        up: false,
        detail: expect.stringContaining('EMBEDDED_MAX_BYTES'),
      });
      await eventually(() =>
        expect(lines.find((line) => line.msg.startsWith('event log is filling up'))?.heldBy).toEqual([
          'writer',
        ]),
      );
      await eventually(async () => {
        const text = await metrics.metrics();
        expect(text).toContain('event_log_up 0');
        expect(text).toContain(`event_log_max_bytes ${maxBytes}`);
        expect(Number(/^event_log_bytes (\d+)/m.exec(text)?.[1])).toBeGreaterThan(0.8 * maxBytes);
        expect(text).toMatch(/event_log_append_failures_total\{cause="size-limit"\} [1-9]/);
      });
      pass(10 * MINUTE_MS);
      await passes();
      expect((await progress(log)).oldestOffset).toBe(0);
      const values = await Array.fromAsync(log.read('readings'));
      expect(values.length).toBeGreaterThanOrEqual(acknowledged);

      mayTake = true;
      await eventually(() => expect(log.health().up).toBe(true));
      await append(log, 50 * KILOBYTES);
    });
  });

  test('metrics tell the retention of each topic and the age of its oldest record', async () => {
    const log = await open();
    await append(log);
    pass(30_000);
    await eventually(async () => {
      const text = await metrics.metrics();
      expect(text).toContain('event_log_retention_seconds{topic="readings"} 60');
      expect(text).toContain('event_log_oldest_record_age_seconds{topic="readings"} 30');
    });
  });
});
