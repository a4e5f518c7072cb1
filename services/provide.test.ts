import { expect, test } from 'vitest';
import { missingReason, provideInfluxDb, provideKafka, required } from './provide.ts';

const emptyCache = { cacheDir: '/nowhere' };

test('services named by the environment are used as they are', async () => {
  const kafka = await provideKafka({ ...emptyCache, env: { TEST_KAFKA_BROKERS: 'one:9092,two:9092' } });
  expect(kafka).toMatchObject({ brokers: ['one:9092', 'two:9092'] });
  const env = { TEST_INFLUX_URL: 'http://influx:8086', TEST_INFLUX_TOKEN: 'secret', TEST_INFLUX_ORG: 'iot' };
  const influxDb = await provideInfluxDb({ ...emptyCache, env });
  expect(influxDb).toMatchObject({ url: 'http://influx:8086', token: 'secret', org: 'iot' });
});

test('what is not cached is not built by the way: the tests get the reason', async () => {
  const kafka = await provideKafka({ ...emptyCache, env: {} });
  const influxDb = await provideInfluxDb({ ...emptyCache, env: {} });
  expect(missingReason(kafka)).toMatch(/^kafka-.* is not on this machine; "npm run services -- build"/);
  expect(missingReason(kafka, influxDb)).toContain('; influxdb-');
  expect(() => required(kafka)).toThrow('is not on this machine');
  expect(missingReason({ brokers: [] })).toBeUndefined();
});
