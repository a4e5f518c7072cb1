import { afterAll, beforeAll, describe } from 'vitest';
import { describeReading } from './suite/reading.suite.ts';
import { describeRefusals } from './suite/refusals.suite.ts';
import {
  StoreUnderTest,
  type TelemetryStoreSuiteOptions,
  type TelemetryStoreUnderTest,
} from './suite/store-under-test.ts';
import { describeValues } from './suite/values.suite.ts';
import { describeWrite } from './suite/write.suite.ts';

/**
 * What every driver of the telemetry store promises, run against each of them. Measurements and devices have random
 * names, so that tests do not meet each other's points.
 */
export function describeTelemetryStore(
  name: string,
  create: () => Promise<TelemetryStoreUnderTest>,
  options: TelemetryStoreSuiteOptions,
): void {
  describe(`telemetry store: ${name}`, () => {
    const under = new StoreUnderTest(options);

    beforeAll(async () => {
      under.subject = await create();
    }, 180_000);
    afterAll(async () => {
      await under.store.close();
      await under.subject.dispose();
    }, 60_000);

    describeWrite(under);
    describeValues(under);
    describeRefusals(under);
    describeReading(under);
  });
}
