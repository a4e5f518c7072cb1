import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const provided = inject('kafka');

describe.skipIf(missingReason(provided))("the broker's clock", () => {
  test('[P7] a machine whose clock was wrong from the start learns it from the first append, and forgets it without another', async () => {
    const { brokers } = required(provided);
    const metrics = new Registry();
    let passedMs = 0;
    await using log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'clock', topicPartitions: 1 },
      {
        log: pino({ level: 'silent' }),
        metrics,
        now: () => Date.now() - 2 * 3_600_000 + passedMs,
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
    // Less by what the answer took.
    expect(await metrics.metrics()).toMatch(
      /^event_log_clock_ahead_seconds\{node="\d+"\} (71\d\d(\.\d+)?|7200)$/m,
    );

    const realNow = performance.now.bind(performance);
    const monotonic = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + passedMs);
    onTestFinished(() => monotonic.mockRestore());
    passedMs = 11 * 60_000;
    await eventually(() => expect(log.health()).not.toHaveProperty('clockTrouble'));
    expect(await metrics.metrics()).not.toContain('event_log_clock_ahead_seconds{');
  });
});
