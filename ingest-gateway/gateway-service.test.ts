import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEventLog } from '#event-log/open-event-log.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { ContractInForce } from '#runtime/contract-in-force.ts';
import { createLogger } from '#runtime/logger.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';
import { startGatewayService } from './gateway-service.ts';
import { publishPacket, RawClient } from './testing/raw-client.ts';
import { reading } from './testing/test-gateway.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'gateway-service-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const settingsOf = (env: Readonly<Record<string, string>>): Settings => readSettings(env, () => '').settings;

describe('npm run gateway', () => {
  it('serves MQTT and HTTP, makes its topics, and stops', async () => {
    const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])).map(String) as [string, string];
    const settings = settingsOf({ DATA_DIR: dataDir, MQTT_PORT: mqttPort, HTTP_PORT: httpPort });
    const log = createLogger({ name: 'test', level: 'silent' });
    const deps = { log, metrics: new Registry(), now: Date.now, random: Math.random };
    const eventLog = await openEventLog(settings, 'owner', deps);
    const contract = new ContractInForce(settings);
    const service = await startGatewayService(settings, 'test', { ...deps, eventLog, contract });

    const client = await RawClient.device(Number(mqttPort), 'dev-1');
    client.send(publishPacket('dev-1', reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    const get = (route: string): Promise<Response> => fetch(`http://127.0.0.1:${httpPort}${route}`);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect(await (await get('/metrics')).text()).toContain(
      'ingest_readings_appended_total{schema="environment/1"} 1',
    );
    expect(await (await get('/api/accounting')).json()).toMatchObject({ decoded: 1, appended: 1 });
    expect(await (await get('/api/devices')).json()).toMatchObject({ total: 1, devices: [{ id: 'dev-1' }] });

    await service.stop();
    await client.closed;
    await expect(get('/healthz')).rejects.toThrow();
    await expect(
      eventLog.append({ topic: 't', key: 'k', value: null, headers: {} }, Infinity),
    ).rejects.toThrow();
  });

  it('lets go of everything when a part cannot start', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const taken = String((blocker.address() as AddressInfo).port);
    const [mqttPort = ''] = (await choosePorts([undefined])).map(String);
    const log = createLogger({ name: 'test', level: 'silent' });
    const start = async (httpPort: string) => {
      const settings = settingsOf({ DATA_DIR: dataDir, MQTT_PORT: mqttPort, HTTP_PORT: httpPort });
      const deps = { log, metrics: new Registry(), now: Date.now, random: Math.random };
      const eventLog = await openEventLog(settings, 'owner', deps);
      return startGatewayService(settings, 'test', {
        ...deps,
        eventLog,
        contract: new ContractInForce(settings),
      });
    };
    await expect(start(taken)).rejects.toMatchObject({ code: 'configuration' });
    const service = await start(String((await choosePorts([undefined]))[0]));
    await service.stop();
    blocker.close();
  });
});
