import { describe, expect, it } from 'vitest';
import { parseMetrics } from '#console/server/metric-samples.ts';
import { readAlerts } from '#tests/observability/rule-file.ts';
import { FlowProblems } from './flow-problems.ts';
import { flowSampleOf } from './flow-sample.ts';
import { PROBLEM_RULES } from './problem-rules.ts';
import { LOOKED_AT } from './process-samples.ts';

const START = 1_764_000_000_000;
const SOUND = `
ingest_readings_decoded_total 0
ingest_readings_unconfirmed 0
event_log_up 1
lag_monitor_last_success_timestamp_seconds NOW
`;

/** Looks every five seconds for so long, and gives the names of what is told at the end. */
function toldAfter(
  seconds: number,
  textAt: (second: number) => string,
  names = ['this process'],
  sound = SOUND,
): string[] {
  const problems = new FlowProblems();
  for (let second = 0; second <= seconds; second += 5) {
    const at = START + second * 1000;
    const text = (sound + textAt(second)).replaceAll('NOW', String(at / 1000));
    const samples = parseMetrics(text, LOOKED_AT);
    problems.judge(
      flowSampleOf(
        at,
        names.map((name) => ({ name, samples, detail: undefined })),
      ),
    );
  }
  return problems.list().map(({ name }) => name);
}

describe('problems', () => {
  it('has the conditions of all alerts, as severe, after the same time', () => {
    const inSeconds = (text: string): number => Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1);
    const alerts = readAlerts()
      .map(({ alert, labels, for: held }) => [alert, labels['severity'], inSeconds(held)])
      // A target that does not answer has no numbers: `FlowProblems` sees that itself.
      .filter(([name]) => name !== 'IngestGatewayDown')
      .sort();
    const rules = PROBLEM_RULES.map(({ name, severity, forMs }) => [name, severity, forMs / 1000]).sort();
    expect(rules).toEqual(alerts);
  });

  it('says nothing of a pipeline that is well', () => {
    expect(toldAfter(900, () => '')).toEqual([]);
  });

  it.each([
    ['EventLogUnavailable', 60, () => 'event_log_up 0'],
    ['AccountingGap', 120, () => 'ingest_readings_appended_total{schema="a/1"} 1'],
    ['ConsumerLagHigh', 120, () => 'kafka_consumergroup_lag_seconds{partition="0"} 301'],
    [
      'DeadLetterRateHigh',
      600,
      (s: number) => `ingest_dead_letters_total{reason="x"} ${s}\nwriter_readings_consumed_total 0\n`,
    ],
    [
      'RetentionAtRisk',
      300,
      // Of the topic that waits, not of the one that is kept for longest.
      () => `kafka_consumergroup_lag_seconds{topic="t",partition="0"} 75
event_log_retention_seconds{topic="t"} 100
event_log_retention_seconds{topic="letters"} 900`,
    ],
    [
      'RecordsHeldBack',
      200,
      (s: number) => `event_log_held_back_seconds{topic="t",partition="3"} ${s}
event_log_held_back_records{topic="t",partition="3"} 7`,
    ],
    ['TopicContradictsPromise', 120, () => 'event_log_topic_contradictions{topic="t"} 2'],
    ['IngestBackpressure', 420, () => 'ingest_paused_devices 3'],
    [
      'StoreWritesFailing',
      240,
      (s: number) => `writer_write_retries_total{cause="x"} ${s}\nwriter_readings_stored_total 5`,
    ],
    ['MqttSourceDown', 60, () => 'mqtt_source_connected{broker="a"} 0'],
    ['DeviceSilent', 300, () => 'ingest_devices_known 3\ningest_devices_silent{connection="open"} 1'],
    ['ClockDisagrees', 60, () => 'ingest_devices_off_clock{direction="ahead"} 3\ningest_connected_devices 4'],
    ['FilesUnusable', 60, () => 'ingest_files_usable{kind="bans"} 0'],
    ['DevicesGone', 900, (s: number) => `ingest_connected_devices ${s < 590 ? 20 : 9}`],
  ] as const)('tells of %s once it has held for %d s, and stops with its cause', (name, seconds, textAt) => {
    expect(toldAfter(seconds, textAt)).toContain(name);
    expect(toldAfter(5, textAt)).not.toContain(name);
    expect(toldAfter(seconds + 3_600, (s) => (s > seconds + 5 ? '' : textAt(s)))).not.toContain(name);
  });

  it('[P7] tells of a writer that stands still, not of one that is only behind', () => {
    const text = (offset: number) =>
      `kafka_consumergroup_lag{topic="t",partition="0"} 10
kafka_consumergroup_lag_seconds{topic="t",partition="0"} 200
kafka_consumergroup_current_offset{topic="t",partition="0"} ${offset}`;
    expect(toldAfter(300, () => text(5))).toEqual(['ConsumerStalled']);
    expect(toldAfter(300, (second) => text(second))).toEqual([]);
  });

  it('[P7] judges a lag monitor by whether it goes on, not by what time its clock says it is', () => {
    const looks = (skew: number, until: number) => (second: number) =>
      `lag_monitor_last_success_timestamp_seconds ${START / 1000 + skew + Math.min(second, until)}`;
    const monitor = (textAt: (second: number) => string): string[] =>
      toldAfter(450, textAt, ['this process'], SOUND.replace(/^lag_monitor.*$/m, ''));
    for (const skew of [-3_600, 0, 3_600]) {
      expect(monitor(looks(skew, Infinity))).toEqual([]);
      expect(monitor(looks(skew, 200))).toEqual(['LagMonitorDown']);
    }
    expect(monitor(() => '')).toEqual(['LagMonitorDown']);
  });

  /** Looks every five seconds, at what each process says then (`undefined` = it does not answer), and gives what is told. */
  function* looksAt(
    seconds: number,
    processesAt: (second: number) => Readonly<Record<string, string | undefined>>,
  ): Generator<{ readonly second: number; readonly told: ReturnType<FlowProblems['list']> }> {
    const problems = new FlowProblems();
    for (let second = 0; second <= seconds; second += 5) {
      const processes = Object.entries(processesAt(second)).map(([name, text]) => ({
        name,
        samples: text === undefined ? undefined : parseMetrics(text, LOOKED_AT),
        detail: undefined,
      }));
      problems.judge(flowSampleOf(START + second * 1000, processes));
      yield { second, told: problems.list() };
    }
  }
  const monitorMissed = (...looks: Parameters<typeof looksAt>): number[] =>
    [...looksAt(...looks)].flatMap(({ second, told }) =>
      told.some(({ name }) => name === 'LagMonitorDown') ? [second] : [],
    );
  const lookedAt = (second: number, skew = 0) =>
    `lag_monitor_last_success_timestamp_seconds ${START / 1000 + skew + 15 * Math.floor(second / 15)}`;

  it('[P7] misses no lag monitor that begins after the first look, or that was away for a moment', () => {
    for (const begins of [5, 20, 45]) {
      expect(monitorMissed(400, (s) => ({ monitor: s < begins ? '' : lookedAt(s) }))).toEqual([]);
    }
    for (const away of ['', undefined]) {
      const briefly = (s: number) => s >= 100 && s < 150;
      expect(monitorMissed(400, (s) => ({ monitor: briefly(s) ? away : lookedAt(s) }))).toEqual([]);
      // Two minutes: missed after one, and no longer from its first look on.
      const missed = monitorMissed(400, (s) => ({
        monitor: s >= 100 && s < 220 ? away : lookedAt(s),
      }));
      expect([missed[0], missed.at(-1)]).toEqual([160, 215]);
      // So long that nothing is known of before: its second look shows that it goes on.
      const lost = monitorMissed(800, (s) => ({
        monitor: s >= 100 && s < 600 ? away : lookedAt(s),
      }));
      expect([lost[0], lost.at(-1)]).toEqual([160, 610]);
    }
  });

  it('[P7] one of two lag monitors is enough, whatever the clock of the one that is stuck says', () => {
    for (const skew of [-600, 0, 600]) {
      const stuck = lookedAt(0, skew);
      expect(monitorMissed(600, (s) => ({ well: lookedAt(s), stuck }))).toEqual([]);
      // Both are stuck, and one of them answers only now and then: what changes is who answers.
      const missed = monitorMissed(600, (s) => ({
        a: lookedAt(0),
        b: s % 15 === 0 ? stuck : undefined,
      }));
      expect([missed[0], missed.at(-1)]).toEqual([60, 600]);
    }
  });

  it('[P7] a writer that stands still is seen beside a lag monitor that is stuck, and counted once', () => {
    const partition = (lag: number, offset: number) => `
kafka_consumergroup_lag{topic="t",partition="0"} ${lag}
kafka_consumergroup_lag_seconds{topic="t",partition="0"} 200
kafka_consumergroup_current_offset{topic="t",partition="0"} ${offset}`;
    const stuck = lookedAt(0) + partition(10, 3);
    const looks = looksAt(200, (second) => ({ stuck, well: lookedAt(second) + partition(12, 5) }));
    const stalls = [...looks].flatMap(({ second, told }) =>
      told.flatMap(({ name, sentence }) => (name === 'ConsumerStalled' ? [{ second, sentence }] : [])),
    );
    expect(stalls[0]).toEqual({ second: 180, sentence: expect.stringContaining('12 records wait in t/0.') });
  });

  it('tells of a gateway that does not answer', () => {
    const problems = new FlowProblems();
    const down = { name: 'gateway-1:8080', samples: undefined, detail: 'away' };
    const up = {
      name: 'lag:8082',
      samples: parseMetrics(`lag_monitor_last_success_timestamp_seconds ${START / 1000}`, LOOKED_AT),
      detail: undefined,
    };
    problems.judge(flowSampleOf(START, [down, up]));
    problems.judge(flowSampleOf(START + 31_000, [down, up]));
    expect(problems.list()).toEqual([
      {
        name: 'IngestGatewayDown',
        severity: 'critical',
        sentence: expect.stringContaining('gateway-1:8080: It does not answer'),
        since: START,
        runbook: '/runbooks/IngestGatewayDown.md',
      },
    ]);
  });
});
