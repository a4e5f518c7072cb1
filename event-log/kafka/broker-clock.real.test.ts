import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, test } from 'vitest';
import { missingReason, required } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const provided = inject('kafka');

describe.skipIf(missingReason(provided))("the broker's clock", () => {
  test('[P7] a machine whose clock was wrong from the start learns it from the first append', async () => {
    const { brokers } = required(provided);
    const metrics = new Registry();
    await using log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'clock', topicPartitions: 1 },
      {
        log: pino({ level: 'silent' }),
        metrics,
        now: () => Date.now() - 2 * 3_600_000,
        random: Math.random,
      },
    );
    const topic = `clock-${randomBytes(6).toString('hex')}`;
    await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
    expect(log.health()).not.toHaveProperty('clockTrouble');
    await log.append({ topic, key: 'k', value: Buffer.from('x'), headers: {} }, performance.now() + 30_000);
    expect(log.health().clockTrouble).toMatch(
      /^the clock of broker \d+ \(.+:\d+\) is 2\.0 h ahead of this machine's$/,
    );
    expect(await metrics.metrics()).toMatch(/^event_log_clock_ahead_seconds\{node="\d+"\} 7(199|200)/m);
  });
});
