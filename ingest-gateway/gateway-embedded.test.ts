import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { publishPacket, RawClient } from './testing/raw-client.ts';
import { reading, startTestGateway, TEST_TOPICS } from './testing/test-gateway.ts';

describe('in front of the embedded event log', () => {
  it('[P1] what was acknowledged is in the log, in order per device', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'gateway-embedded-'));
    const log = createLogger({ name: 'test', level: 'silent' });
    const deps = { log, metrics: new Registry(), now: Date.now, random: Math.random };
    await using eventLog = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 2 ** 30 }, deps);
    const topics = Object.values(TEST_TOPICS);
    await eventLog.ensureTopics(topics.map((name) => ({ name, cleanup: 'delete', retentionMs: 3_600_000 })));
    const count = 500;
    const devices = ['dev-1', 'dev-2', 'dev-3', 'dev-4'];
    {
      await using test = await startTestGateway({}, { eventLog });
      await Promise.all(
        devices.map(async (id) => {
          const client = await RawClient.device(test.port, id);
          const packets = Array.from({ length: count }, (_, i) =>
            publishPacket(id, i % 10 === 9 ? `bad ${i}` : reading(i), i + 1),
          );
          client.send(...packets);
          const acks = await client.take(count);
          expect(acks.map(({ messageId }) => messageId)).toEqual(packets.map(({ messageId }) => messageId));
        }),
      );
      expect(test.gateway.accounting()).toMatchObject({
        decoded: 2_000,
        appended: 1_800,
        deadLettered: 200,
        unconfirmed: 0,
      });
    }
    const stored = new Map<string, string[]>();
    for (const topic of topics) {
      for await (const { key, value } of eventLog.read(topic)) {
        const what = String(value).startsWith('bad') ? String(value) : String(JSON.parse(String(value)).seq);
        stored.set(`${topic} ${key}`, [...(stored.get(`${topic} ${key}`) ?? []), what]);
      }
    }
    const all = [...Array(count).keys()];
    for (const id of devices) {
      expect(stored.get(`${TEST_TOPICS.telemetry} ${id}`)).toEqual(
        all.filter((i) => i % 10 !== 9).map(String),
      );
      expect(stored.get(`${TEST_TOPICS.deadLetters} ${id}`)).toEqual(
        all.filter((i) => i % 10 === 9).map((i) => `bad ${i}`),
      );
    }
    rmSync(dataDir, { recursive: true });
  });
});
