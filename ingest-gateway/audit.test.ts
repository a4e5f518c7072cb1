import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

it('the audit log tells who came, went and was refused, however often a client tries', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'audit-'));
  try {
    const file = path.join(folder, 'audit.jsonl');
    const test = await startTestGateway({ auditLog: { file, maxBytes: 1e6, files: 2 } });
    const client = await RawClient.device(test.port, 'dev-1');
    client.socket.destroy();
    await eventually(() => expect(test.gateway.connectedDevices()).toBe(0));
    for (let round = 0; round < 50; round++) {
      const refused = await RawClient.open(test.port);
      refused.send(Buffer.from([0x20, 0x02, 0, 0]));
      await refused.closed;
    }
    await test.gateway.stop();
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, 2)).toMatchObject([
      { event: 'connected', deviceId: 'dev-1', address: '127.0.0.1' },
      { event: 'disconnected', deviceId: 'dev-1', address: '127.0.0.1' },
    ]);
    const refusals = lines.filter(({ event }) => event === 'refused');
    expect(refusals[0]).toMatchObject({ reason: 'protocol-error', address: '127.0.0.1' });
    expect(refusals.length).toBeLessThan(10);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
