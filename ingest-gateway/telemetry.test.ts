import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { MQTT_VERSIONS } from '#contract/mqtt-version.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import { createLogger } from '#runtime/logger.ts';
import { REFUSAL_REASONS } from './refusal-reason.ts';
import { createIngestTelemetry } from './telemetry.ts';
import { DROP_REASONS, TOLERATED_KINDS } from './telemetry-labels.ts';

function start() {
  const lines: string[] = [];
  const log = createLogger(
    { name: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  const metrics = new Registry();
  const levels = {
    connectedDevices: 1,
    inflightMessages: 2,
    inflightBytes: 3,
    pausedDevices: 4,
    unreadBytes: 10,
    waitingLogins: 9,
    fileProblems: {
      credentials: undefined,
      bans: undefined,
      certificates: undefined,
      'token-keys': undefined,
    },
    devicesOffClock: { ahead: 0, behind: 0 },
    watched: { known: 5, refused: 6, silent: { open: 7, closed: 8 } },
  };
  const deps = { log, metrics, now: Date.now, random: Math.random };
  const telemetry = createIngestTelemetry(deps, ['environment/1', 'tracker/1'], () => levels);
  return { telemetry, lines, exposition: () => metrics.metrics() };
}

describe('telemetry of the gateway', () => {
  it('shows every series from the start', async () => {
    const { exposition } = start();
    const text = await exposition();
    const labelled = {
      ingest_readings_appended_total: ['schema', ['environment/1', 'tracker/1']],
      ingest_dead_letters_total: ['reason', REJECT_REASONS],
      ingest_dropped_total: ['reason', DROP_REASONS],
      ingest_refused_total: ['reason', REFUSAL_REASONS],
      ingest_tolerated_total: ['kind', TOLERATED_KINDS],
    } as const;
    for (const [name, [label, values]] of Object.entries(labelled)) {
      for (const value of values) expect(text).toContain(`${name}{${label}="${value}"} 0\n`);
    }
    for (const series of [
      ...MQTT_VERSIONS.flatMap((version) =>
        [0, 1, 2].map((qos) => `ingest_messages_total{qos="${qos}",version="${version}"} 0`),
      ),
      'ingest_readings_decoded_total 0',
      'ingest_readings_unconfirmed 0',
      'ingest_ack_seconds_count 0',
    ])
      expect(text).toContain(`${series}\n`);
    expect(text).toContain('ingest_connected_devices 1\n');
    expect(text).toContain('ingest_inflight_messages 2\n');
    expect(text).toContain('ingest_inflight_bytes 3\n');
    expect(text).toContain('ingest_paused_devices 4\n');
  });

  it('counts on between two looks', async () => {
    const { telemetry, exposition } = start();
    telemetry.messageReceived('3.1.1', 1);
    await exposition();
    telemetry.messageReceived('3.1.1', 1);
    expect(await exposition()).toContain('ingest_messages_total{qos="1",version="3.1.1"} 2\n');
  });

  it('[P8] closes its books in the metrics as in the API', async () => {
    const { telemetry, exposition } = start();
    telemetry.readingsDecoded(10);
    telemetry.appendStarted(9);
    telemetry.appendStarted(1);
    telemetry.readingsAppended('environment/1', 5);
    telemetry.readingsAppended('tracker/1', 2);
    telemetry.deadLettered('schema-violation');
    expect(telemetry.accounting()).toEqual({
      decoded: 10,
      appended: 7,
      deadLettered: 1,
      unconfirmed: 2,
      ignored: 0,
    });
    const text = await exposition();
    expect(text).toContain('ingest_readings_decoded_total 10\n');
    expect(text).toContain('ingest_readings_appended_total{schema="environment/1"} 5\n');
    expect(text).toContain('ingest_readings_unconfirmed 2\n');
  });

  it('writes as few of topics that are not the own ones, and of bans, however many names a client gives itself', () => {
    const { telemetry, lines } = start();
    for (let i = 0; i < 1_000; i++) telemetry.foreignTopic(`dev-${i}`, '192.0.2.1', 'tele/state');
    expect(lines).toHaveLength(10);
    for (let i = 0; i < 1_000; i++)
      telemetry.banned(`dev-${i}`, undefined, 'connects over and over', undefined);
    expect(lines).toHaveLength(20);
  });

  it('writes a flood of refusals as a few lines, and somebody else beside it as his own', () => {
    const { telemetry, lines } = start();
    const flood = { reason: 'bad-credentials', address: '192.0.2.1', detail: undefined } as const;
    for (let i = 0; i < 1_000; i++) telemetry.refused({ ...flood, deviceId: `dev-${i}` });
    expect(lines).toHaveLength(10);
    telemetry.refused({ ...flood, deviceId: 'dev-1', address: '192.0.2.2' });
    expect(lines).toHaveLength(11);
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      reason: 'bad-credentials',
      deviceId: 'dev-1',
      address: '192.0.2.2',
      leftOut: 0,
    });
  });
});
