import { expect, test } from 'vitest';
import { directConfig, ingestConfig, writeConfig } from './telegraf-config.ts';

const ADDRESSES = {
  mqttUrl: 'tcp://127.0.0.1:1883',
  kafkaBrokers: '127.0.0.1:9092',
  topic: 'peer-1',
  influxUrl: 'http://127.0.0.1:8086',
  token: 'a "quoted" token',
  org: 'iot',
  bucket: 'peer-1',
};

test('the chain promises what it can: QoS 1, all replicas, offsets after the write', () => {
  const ingest = ingestConfig(ADDRESSES);
  expect(ingest).toMatch(/qos = 1\n/);
  expect(ingest).toMatch(/persistent_session = true\n/);
  expect(ingest).toMatch(/required_acks = -1\n/);
  expect(directConfig(ADDRESSES)).toMatch(
    /qos = 1\n[\s\S]*persistent_session = true\n[\s\S]*outputs.influxdb_v2/,
  );
  const write = writeConfig(ADDRESSES);
  expect(write).toMatch(/offset = "oldest"\n/);
  expect(write).toContain('token = "a \\"quoted\\" token"\n');
});
