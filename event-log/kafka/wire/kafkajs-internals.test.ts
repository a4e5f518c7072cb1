import { createRequire } from 'node:module';
import { afterEach, expect, test, vi } from 'vitest';

/** Node reads the file once: whoever asks later sees what is changed here. */
const installed: { version: string } = createRequire(import.meta.url)('kafkajs/package.json');
const { version } = installed;

afterEach(() => {
  installed.version = version;
  vi.resetModules();
});

test.each(['2.2.5', '2.3.0', '3.0.0-beta.0'])(
  '[P10] the driver does not open with kafkajs %s',
  async (other) => {
    installed.version = other;
    await expect(import('#event-log/kafka/kafka-event-log.ts')).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(`kafkajs ${other} is installed.*tested with 2.2.4`),
    });
  },
);

test('it opens with the version that is installed', async () => {
  await expect(import('#event-log/kafka/kafka-event-log.ts')).resolves.toHaveProperty('openKafkaEventLog');
});
