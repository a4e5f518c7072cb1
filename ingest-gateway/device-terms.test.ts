import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { changeCredentials } from './devices/credentials-file.ts';
import type { DeviceTerms } from './devices/device-terms.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'device-terms-'));
  file = path.join(folder, 'devices.json');
  await say('dev-1', {});
});
afterEach(() => rmSync(folder, { recursive: true }));

const say = (id: string, terms: DeviceTerms): Promise<void> =>
  changeCredentials(file, async (devices) => void devices.set(id, { algorithm: 'none', ...terms }));

const start = (): Promise<TestGateway> =>
  startTestGateway({ mqtt: { credentialsFile: file, allowAnonymous: true } });

const publish = (messageId: number, id = 'dev-1') => publishPacket(id, reading(messageId), messageId);

const labelsOf = ({ gateway }: TestGateway, id: string) =>
  gateway.devices().find((device) => device.id === id)?.labels;

describe('what the credentials file says of a device', () => {
  it('[P6] bounds its rate, and what it may have in flight, instead of the bounds of all', async () => {
    await say('dev-1', { limits: { messagesPerSecond: 0.001, burst: 1, inflightMessages: 50 } });
    await using test = await start();
    const slow = await RawClient.open(test.port, 5);
    slow.send(connectPacket('dev-1', { protocolVersion: 5 }));
    expect(await slow.next()).toMatchObject({ cmd: 'connack', properties: { receiveMaximum: 40 } });
    slow.send(publish(1));
    expect(await slow.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    slow.send(publish(2));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const other = await RawClient.device(test.port, 'dev-2');
    for (const id of [1, 2, 3]) {
      other.send(publish(id, 'dev-2'));
      expect(await other.next()).toMatchObject({ cmd: 'puback', messageId: id });
    }
    expect(test.log.durable).toBe(4);
  });

  it('stands in the headers of its records and letters, as it was when they came', async () => {
    await say('dev-1', { labels: { site: 'a' } });
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(publish(1), publishPacket('dev-1', '{', 2));
    await client.take(2);
    await say('dev-1', { labels: { site: 'b' } });
    await eventually(() => expect(labelsOf(test, 'dev-1')).toEqual({ site: 'b' }));
    client.send(publish(3));
    await client.next();
    expect(test.log.records.map(({ headers }) => headers.labels)).toEqual([
      '{"site":"a"}',
      '{"site":"a"}',
      '{"site":"b"}',
    ]);
  });

  it('[P6] holds from the next message on when it changes, without a reconnect', async () => {
    await say('dev-1', { limits: { messagesPerSecond: 0.001, burst: 1 }, labels: { site: 'a' } });
    await using test = await start();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(publish(1));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    client.send(publish(2));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(labelsOf(test, 'dev-1')).toEqual({ site: 'a' });

    await say('dev-1', { limits: { messagesPerSecond: 1_000 }, labels: { site: 'b', line: '2' } });
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
    expect(labelsOf(test, 'dev-1')).toEqual({ site: 'b', line: '2' });
    await say('dev-1', {});
    await eventually(() => expect(labelsOf(test, 'dev-1')).toBeUndefined());
    client.send(publish(3));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 3 });
    expect(await test.metric('ingest_refused_total{reason="revoked"}')).toBe(0);
  });
});
