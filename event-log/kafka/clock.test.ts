import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

test('[P7] a clock that jumps while the process runs is told, and not any more when it is right again', async () => {
  const [port] = (await choosePorts([undefined])) as [number];
  let aheadMs = 0;
  const metrics = new Registry();
  const options = {
    brokers: [`127.0.0.1:${port}`],
    ssl: false,
    clientId: 'test',
    topicPartitions: 1,
  } as const;
  await using log = await openKafkaEventLog(options, {
    log: pino({ level: 'silent' }),
    metrics,
    now: () => Date.now() + aheadMs,
    random: Math.random,
  });
  expect(log.health()).not.toHaveProperty('clockTrouble');
  aheadMs = 200 * 24 * 3_600_000;
  expect(log.health().clockTrouble).toBe(
    "the machine's clock jumped 4800.0 h ahead of the time that was seen to pass",
  );
  const jump = 'clock_jump_seconds{of="event-log",since="running"}';
  // In seconds, of which some part passes meanwhile.
  await eventually(async () =>
    expect(await metrics.metrics()).toMatch(new RegExp(`${jump} 17(279999|28000)`)),
  );
  aheadMs = 0;
  expect(log.health()).not.toHaveProperty('clockTrouble');
});
