import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { changeCredentials } from './devices/credentials-file.ts';

let folder: string;
let credentialsFile: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'device-trouble-'));
  credentialsFile = path.join(folder, 'devices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const say = (id: string, entry: 'revoked' | { silentAfterSeconds?: number }) =>
  changeCredentials(
    credentialsFile,
    async (devices) => void devices.set(id, entry === 'revoked' ? entry : { algorithm: 'none', ...entry }),
  );

describe('a silent device', () => {
  it('[P7] is counted, named in the log once, and shown; what the file says of it holds', async () => {
    await say('talks', {});
    await say('silent', {});
    await say('daily', { silentAfterSeconds: 86_400 });
    await using test = await startTestGateway({
      mqtt: { credentialsFile },
      limits: { deviceSilentSeconds: 0.1 },
      deviceLookMs: 10,
    });
    const troubleOf = (id: string) => test.gateway.devices().find((device) => device.id === id)?.silentSince;
    const client = await RawClient.device(test.port, 'talks');
    await eventually(async () => {
      expect(await test.metric('ingest_devices_silent{connection="closed"}')).toBe(1);
      expect(await test.metric('ingest_devices_silent{connection="open"}')).toBe(1);
    });
    expect(await test.metric('ingest_devices_known')).toBe(3);
    expect(troubleOf('silent')).toBeGreaterThan(0);
    expect(troubleOf('daily')).toBeNull();
    await eventually(() => {
      const told = test.lines.filter((line) => line.includes('fallen silent'));
      const ids = told.flatMap((line) => (JSON.parse(line) as { ids: string[] }).ids);
      expect(ids.toSorted()).toEqual(['silent', 'talks']);
    });

    const seen = troubleOf('talks');
    client.send(publishPacket('talks', reading(1), 1));
    await client.next();
    await eventually(() => expect(troubleOf('talks')).not.toBe(seen));
    await say('silent', 'revoked');
    await eventually(async () => expect(await test.metric('ingest_devices_known')).toBe(2));
  });
});
