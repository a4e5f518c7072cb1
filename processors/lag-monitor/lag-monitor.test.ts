import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import type { PartitionProgress } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startLagMonitor } from './lag-monitor.ts';
import { lookOnce, renderLagReport } from './lag-report.ts';

const target = { topic: 'readings', group: 'writer' };
const INTERVAL_MS = 10;

/** A monitor of a log that answers what the test says, with clocks that the test moves. */
function monitored(answer: () => readonly PartitionProgress[] | Promise<readonly PartitionProgress[]>) {
  const metrics = new Registry();
  const lines: { readonly msg: string }[] = [];
  const clock = { now: 1_764_000_000_000, monotonic: 0 };
  const asked = { times: 0 };
  const monitor = startLagMonitor(
    { targets: [target], intervalMs: INTERVAL_MS, monotonicMs: () => clock.monotonic },
    {
      eventLog: {
        progress: async () => {
          asked.times++;
          return answer();
        },
      },
      metrics,
      log: createLogger(
        { name: 'test', level: 'debug' },
        { write: (line) => void lines.push(JSON.parse(line)) },
      ),
      now: () => clock.now,
      random: Math.random,
    },
  );
  onTestFinished(() => monitor.stop());
  /** Until answers that were given after now are known. */
  const looks = (count = 2) => {
    const enough = asked.times + count;
    return eventually(() => expect(asked.times).toBeGreaterThanOrEqual(enough));
  };
  const series = async (): Promise<Record<string, number>> => {
    const samples = (await metrics.metrics()).split('\n').filter((line) => line && !line.startsWith('#'));
    return Object.fromEntries(
      samples.map((line) => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' ') + 1)),
      ]),
    );
  };
  return { monitor, metrics, lines, clock, looks, series };
}

const part = (partition: number, values: Partial<PartitionProgress> = {}): PartitionProgress => ({
  partition,
  oldestOffset: 2,
  endOffset: 12,
  committedOffset: 7,
  backlog: 5,
  backlogSince: 1_764_000_000_000 - 30_000,
  ...values,
});
const of = (partition: number) => `{consumergroup="writer",topic="readings",partition="${partition}"}`;

describe('the lag monitor', () => {
  test('[P7] exports what the log says, per partition', async () => {
    const { looks, series, monitor, clock } = monitored(() => [
      part(0),
      part(3, { committedOffset: -1, backlog: 0, backlogSince: null, oldestOffset: 12 }),
    ]);
    await looks();
    expect(await series()).toEqual({
      [`kafka_consumergroup_lag${of(0)}`]: 5,
      [`kafka_consumergroup_lag${of(3)}`]: 0,
      [`kafka_consumergroup_lag_seconds${of(0)}`]: 30,
      [`kafka_consumergroup_lag_seconds${of(3)}`]: 0,
      [`kafka_consumergroup_current_offset${of(0)}`]: 7,
      [`kafka_consumergroup_current_offset${of(3)}`]: -1,
      'kafka_topic_partition_current_offset{topic="readings",partition="0"}': 12,
      'kafka_topic_partition_current_offset{topic="readings",partition="3"}': 12,
      'kafka_topic_partition_oldest_offset{topic="readings",partition="0"}': 2,
      'kafka_topic_partition_oldest_offset{topic="readings",partition="3"}': 12,
      lag_monitor_last_success_timestamp_seconds: clock.now / 1000,
    });
    expect(monitor.health()).toEqual({ up: true, detail: '' });
  });

  test('[P7] partitions that appear and disappear have series for as long as they exist', async () => {
    let partitions: PartitionProgress[] = [];
    const { looks, series } = monitored(() => partitions);
    const known = async () =>
      Object.keys(await series()).filter((name) => name.startsWith('kafka_consumergroup_lag{'));
    await looks();
    expect(await known()).toEqual([]);
    partitions = [part(0), part(1), part(2)];
    await looks();
    expect(await known()).toHaveLength(3);
    partitions = [part(1)];
    await looks();
    expect(await known()).toEqual([`kafka_consumergroup_lag${of(1)}`]);
  });

  test('[P7] a failed look deletes the series, one line says so, and looking goes on', async () => {
    let away = false;
    const { looks, series, monitor, lines } = monitored(() => {
      if (away) throw new PipelineError('event-log-unavailable', 'no broker');
      return [part(0)];
    });
    await looks();
    expect(Object.keys(await series())).toHaveLength(6);
    away = true;
    await looks(5);
    expect(Object.keys(await series())).toEqual(['lag_monitor_last_success_timestamp_seconds']);
    expect(monitor.health()).toEqual({ up: false, detail: expect.stringContaining('no broker') });
    away = false;
    await looks();
    expect(Object.keys(await series())).toHaveLength(6);
    expect(lines.map(({ msg }) => msg)).toEqual([
      'the log does not say how far the group is',
      'lag is known again',
    ]);
  });

  test('[P7] a log that hangs leaves no old numbers standing, nor holds up the end', async () => {
    let hangs = false;
    const { looks, series, monitor, clock } = monitored(() =>
      hangs ? new Promise<never>(() => undefined) : [part(0)],
    );
    await looks();
    hangs = true;
    await looks(1);
    clock.monotonic += 3 * INTERVAL_MS;
    expect(Object.keys(await series())).toHaveLength(6);
    clock.monotonic += 1;
    expect(Object.keys(await series())).toEqual(['lag_monitor_last_success_timestamp_seconds']);
    expect(monitor.health().up).toBe(false);
    await monitor.stop();
  });
});

describe('[P7] on the embedded log', () => {
  test('seconds grow while nobody consumes, and end with the backlog; visible from beside', async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'lag-monitor-'));
    const deps = () => ({
      log: createLogger({ name: 'test', level: 'silent' }),
      metrics: new Registry(),
      now: Date.now,
      random: Math.random,
    });
    await using owner = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, deps());
    await using beside = await openEmbeddedEventLog({ dataDir, role: 'beside', maxBytes: 1e9 }, deps());
    onTestFinished(() => rm(dataDir, { recursive: true }));
    await owner.ensureTopics([{ name: target.topic, cleanup: 'delete', retentionMs: 1e9 }]);
    const append = () =>
      owner.append(
        { topic: target.topic, key: 'a', value: Buffer.from('x'), headers: {} },
        performance.now() + 60_000,
      );
    for (let i = 0; i < 5; i++) await append();
    const [first] = await Array.fromAsync(owner.read(target.topic));

    const report = await lookOnce(target, beside, () => (first?.timestamp ?? 0) + 90_000);
    expect(report).toMatchObject({ ...target, records: 5, seconds: 90 });
    expect(renderLagReport(report)).toMatch(
      /writer on readings: 5 records behind, the oldest for 90\.0 s.*never.*Nobody consumes as writer/s,
    );

    const subscription = await owner.subscribe({
      ...target,
      maxBatchRecords: 100,
      maxBatchBytes: 1e6,
      onBatch: async () => undefined,
    });
    onTestFinished(() => subscription.close());
    await eventually(async () =>
      expect(await lookOnce(target, beside, Date.now)).toMatchObject({ records: 0, seconds: 0 }),
    );
    const done = await lookOnce(target, beside, Date.now);
    expect(done.members).toMatchObject([{ partitions: [0] }]);
    expect(renderLagReport(done)).toMatch(/nothing to do.*Members of writer:\n.*: partitions 0\n/s);
  });

  test('names the members, their hosts and partitions, safe for a terminal', () => {
    const members = [
      { id: 'a-1', host: '10.0.0.7', partitions: [0, 1, 2, 5, 7, 8] },
      { id: 'b\u001b[31m', host: '10.0.0.8', partitions: [] },
    ];
    const report = { ...target, at: 0, records: 0, seconds: 0, partitions: [], members };
    expect(renderLagReport(report)).toContain(
      'Members of writer:\n  a-1 on 10.0.0.7: partitions 0-2, 5, 7-8\n  b\\u{1b}[31m on 10.0.0.8: no partition\n',
    );
  });
});
