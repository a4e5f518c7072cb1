import { tmpdir } from 'node:os';
import { describe, expect, inject, test } from 'vitest';
import { startKafka } from './kafka.ts';
import { createKafkaClient } from './kafka-client.ts';
import { waitUntilInSync } from './kafka-in-sync.ts';
import { missingReason } from './provide.ts';
import { isOnPath, run } from './tools.ts';

const missing = missingReason(
  inject('kafka'),
  (await isOnPath('kcat')) ? {} : { missing: 'kcat is not installed' },
);

// Aim: the three-broker cluster of the drills itself stands what the drills do to it, else they would prove nothing.
// Method: acks=all to a topic with replication 3 and min ISR 2, with each broker killed, frozen and stopped in turn;
// written by kcat, because kafkajs does not by itself get away from a frozen broker.
// Finding: writes go on within 8–11 s; with Kafka's own socket time-outs it may take 30 s.
describe.skipIf(missing)('a cluster of three', () => {
  test('takes writes while any one broker is killed, frozen or stopped, and has them all in the end', async () => {
    await using cluster = await startKafka({ brokers: 3 });
    const admin = createKafkaClient(cluster.brokers).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'drill', numPartitions: 3, replicationFactor: 3 }] });

    const writeEverywhere = async () => {
      for (const partition of [0, 1, 2]) {
        const to = `kcat -P -b ${cluster.brokers.join(',')} -t drill -p ${partition}`;
        const settings = '-X acks=all -X request.timeout.ms=2000 -X socket.timeout.ms=2000';
        await run('sh', ['-c', `echo reading | ${to} ${settings} -X message.timeout.ms=60000`], {
          cwd: tmpdir(),
        });
      }
    };

    await cluster.node(0).kill();
    await writeEverywhere();
    await cluster.node(0).start();
    await waitUntilInSync(cluster.brokers);

    cluster.node(1).freeze();
    await writeEverywhere();
    cluster.node(1).thaw();
    await waitUntilInSync(cluster.brokers);

    await cluster.node(2).stop();
    await writeEverywhere();
    await cluster.node(2).start();
    await waitUntilInSync(cluster.brokers);

    // A write that was confirmed late is sent again, so there may be more records than three, never fewer.
    const offsets = await admin.fetchTopicOffsets('drill');
    expect(offsets).toHaveLength(3);
    for (const { high } of offsets) expect(Number(high)).toBeGreaterThanOrEqual(3);
    await admin.disconnect();
  });
});
