import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type EmbeddedEventLogOptions, openEmbeddedEventLog } from './open-embedded-event-log.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

describe('[P2] embedded event log: a clock that is wrong', () => {
  let dataDir: string;
  let wall: number;
  let monotonic: number;
  let metrics: Registry;
  let lines: { readonly msg: string }[];
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    wall = 1_764_000_000_000;
    monotonic = 0;
    lines = [];
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const open = async (options: Partial<EmbeddedEventLogOptions> = {}): Promise<EventLog> => {
    metrics = new Registry();
    const log = await openEmbeddedEventLog(
      {
        dataDir,
        role: 'owner',
        maxBytes: 1024 ** 3,
        retentionPassMs: 10,
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
        now: () => wall,
        random: Math.random,
      },
    );
    onTestFinished(() => log.close());
    await log.ensureTopics([
      { name: 'letters', cleanup: 'delete', retentionMs: 30 * DAY_MS },
      { name: 'state', cleanup: 'compact', retentionMs: 0 },
    ]);
    return log;
  };
  const append = (log: EventLog) =>
    log.append({ topic: 'letters', key: 'a', value: Buffer.alloc(10), headers: {} }, Infinity);
  const pass = (ms: number) => {
    wall += ms;
    monotonic += ms;
  };
  const left = async (log: EventLog) => (await Array.fromAsync(log.read('letters'))).length;
  const jumpSeconds = async (since: string) =>
    Number(
      new RegExp(`^clock_jump_seconds\\{of="event-log",since="${since}"\\} (\\S+)$`, 'm').exec(
        await metrics.metrics(),
      )?.[1],
    );
  const age = async () =>
    Number(/oldest_record_age_seconds\{topic="letters"\} (\d+)/.exec(await metrics.metrics())?.[1]);
  /** Two looks after this call: the second began with everything that was so when it was made. */
  const looks = async () => {
    for (let round = 0; round < 2; round++) {
      const before = await eventually(async () => {
        const shown = await age();
        expect(shown).not.toBeNaN();
        return shown;
      });
      pass(1_000);
      await eventually(async () => expect(await age()).toBeGreaterThan(before));
    }
  };

  test('200 days ahead: nothing is removed, and log, metric and health say so; back again, all is well', async () => {
    const log = await open();
    await append(log);
    await looks();
    wall += 200 * DAY_MS;
    await looks();
    expect(await left(log)).toBe(1);
    await eventually(async () => expect(await jumpSeconds('running')).toBeCloseTo(200 * 24 * 3600, -2));
    expect(log.health()).toMatchObject({
      up: true,
      clockTrouble: expect.stringContaining('4800.0 h ahead'),
    });
    expect(lines.filter(({ msg }) => msg.includes('ClockJumped'))).toHaveLength(1);

    wall -= 200 * DAY_MS;
    await eventually(() => expect(log.health().clockTrouble).toBeUndefined());
    await eventually(async () => expect(await jumpSeconds('running')).toBe(0));
    expect(await left(log)).toBe(1);
  });

  test('letters written 400 days behind are as old as they are, once the clock is right', async () => {
    const right = wall;
    wall -= 400 * DAY_MS;
    const log = await open();
    await append(log);
    await looks();
    wall = right;
    await looks();
    pass(HOUR_MS);
    await looks();
    expect(await left(log)).toBe(1);
    pass(30 * DAY_MS);
    await eventually(async () => expect(await left(log)).toBe(0));
  });

  test('across a restart: 200 days ahead, and 400 days back, remove nothing; time goes on where it was', async () => {
    const first = await open();
    await append(first);
    await looks();
    pass(20 * DAY_MS);
    await looks();
    await first.close();

    wall += 200 * DAY_MS;
    const ahead = await open();
    await looks();
    expect(await left(ahead)).toBe(1);
    await eventually(async () => expect(await jumpSeconds('stopped')).toBeCloseTo(200 * 24 * 3600, -2));
    expect(ahead.health().clockTrouble).toContain('since a stop of the pipeline');
    await ahead.close();

    wall -= 600 * DAY_MS;
    const behind = await open();
    await looks();
    expect(await left(behind)).toBe(1);
    expect(behind.health().clockTrouble).toContain('behind');
    pass(10 * DAY_MS);
    await eventually(async () => expect(await left(behind)).toBe(0));
  });

  test('a person can say that the time of a stop did pass; an old word does not count', async () => {
    const first = await open();
    await append(first);
    await looks();
    await first.close();

    const stale = wall;
    wall += 40 * DAY_MS;
    const unconfirmed = await open({ clockConfirmedMs: stale });
    await looks();
    expect(await left(unconfirmed)).toBe(1);
    await unconfirmed.close();

    const confirmed = await open({ clockConfirmedMs: wall });
    await eventually(async () => expect(await left(confirmed)).toBe(0));
    expect(confirmed.health().clockTrouble).toBeUndefined();
  });

  test('a group is not forgotten because a clock jumped: what it has not consumed stays', async () => {
    const log = await open();
    await append(log);
    const subscription = await log.subscribe({
      topic: 'letters',
      group: 'slow',
      maxBatchRecords: 1,
      maxBatchBytes: 1_000,
      onBatch: async () => Promise.reject(new Error('not now')),
    });
    await looks();
    await subscription.close();
    wall += 200 * DAY_MS;
    pass(31 * DAY_MS - 25 * DAY_MS);
    await looks();
    expect(await left(log)).toBe(1);
  });
});
