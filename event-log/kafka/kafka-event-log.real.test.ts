import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject } from 'vitest';
import { describeEventLog } from '#event-log/event-log.suite.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const missing = missingReason(inject('kafka'));

describe.skipIf(missing)('kafka', () => {
  describeEventLog(
    'kafka',
    async () => {
      // Its own broker, because the suite stops it.
      const kafka = await startKafka({ brokers: 1 });
      const open = () =>
        openKafkaEventLog(
          {
            brokers: kafka.brokers,
            ssl: false,
            clientId: `suite-${randomBytes(4).toString('hex')}`,
            topicPartitions: 3,
          },
          {
            log: pino({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
            metrics: new Registry(),
            now: Date.now,
            random: Math.random,
          },
        );
      return {
        open,
        openBeside: open,
        blockAppends: async () => {
          kafka.node(0).freeze();
          await eventually(() => expect(threadStates(kafka.node(0).pid)).toEqual(['T']));
          return async () => kafka.node(0).thaw();
        },
        lockHolder: 'a process on 127.0.0.1',
        dispose: () => kafka.close(),
      };
    },
    { patienceMs: 60_000, quietMs: 1_000, sequences: 3 },
  );
});

/** A signal reaches the threads of a process one by one: before the last one has stopped, a record may still pass. */
function threadStates(pid: number): string[] {
  const states = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
  });
  return [...new Set(states)];
}
