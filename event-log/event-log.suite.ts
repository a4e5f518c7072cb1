import { afterAll, beforeAll, describe } from 'vitest';
import { describeAppend } from './suite/append.suite.ts';
import { describeCommit } from './suite/commit.suite.ts';
import { describeHandles } from './suite/handles.suite.ts';
import { type EventLogSuiteOptions, type EventLogUnderTest, LogUnderTest } from './suite/log-under-test.ts';
import { describeProgress } from './suite/progress.suite.ts';
import { describeRead } from './suite/read.suite.ts';
import { describeSubscribe } from './suite/subscribe.suite.ts';

/**
 * What every driver of the event log promises, run against each of them. Topics and groups have random names, so that
 * the suite can share a broker. Partition counts are the driver's: nothing here depends on them.
 */
export function describeEventLog(
  name: string,
  create: () => Promise<EventLogUnderTest>,
  options: EventLogSuiteOptions,
): void {
  describe(`event log: ${name}`, { timeout: Math.max(300_000, 4 * options.patienceMs) }, () => {
    const under = new LogUnderTest(options);

    beforeAll(async () => {
      under.subject = await create();
      under.log = await under.subject.open();
    }, 180_000);
    afterAll(async () => {
      await under.log.close();
      await under.subject.dispose();
    }, 60_000);

    describeAppend(under);
    describeSubscribe(under);
    describeCommit(under);
    describeProgress(under);
    describeRead(under);
    describeHandles(under);
  });
}
