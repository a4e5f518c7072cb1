import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { listVariables } from '#runtime/list-variables.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { type ComposeFile, composeText, dockerfileText, loadComposeFile } from '#tests/compose.ts';
import { runSimulator } from '#tests/run-simulator.ts';

/**
 * There is no Docker engine in the tests. The file is checked by the reference implementation of the specification, and
 * our services run natively with exactly the commands and variables that it gives them; only addresses are put in.
 */
const OURS = [
  'ingest-gateway',
  'mqtt-source',
  'processors',
  'lag-monitor',
  'simulator',
  'devices',
  'bans',
] as const;
/** Run by hand, and over when they are done. */
const ONCE: ReadonlyMap<string, string> = new Map([
  ['simulator', 'simulate'],
  ['devices', 'commands'],
  ['bans', 'commands'],
]);
/** Runs for good, where it is wanted. */
const OPTIONAL = 'mqtt-source';
const hasGo = (() => {
  try {
    return execFileSync('go', ['version']).length > 0;
  } catch {
    return false;
  }
})();
const missing = hasGo ? undefined : 'go is not installed';
if (missing !== undefined && process.env.REQUIRE_REAL_SERVICES === '1') throw new Error(missing);

describe.skipIf(missing)('docker-compose.yml', () => {
  let file: ComposeFile;
  beforeAll(async () => {
    file = await loadComposeFile();
  });

  it('pins every image, and the Node of the project', () => {
    for (const [name, { image }] of Object.entries(file.services)) {
      expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
    }
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect([...dockerfileText().matchAll(/^FROM node:([\d.]+)-/gm)].map((match) => match[1])).toEqual([
      dependencies.node,
      dependencies.node,
    ]);
  });

  it('has no password of its own: every secret must be set', () => {
    const variables = [...composeText().matchAll(/(?<!\$)\$\{([^}]+)\}/g)].map((match) => match[1] as string);
    expect(variables.length).toBeGreaterThan(0);
    expect(variables.filter((variable) => !/^[A-Z_]+:\?/.test(variable))).toEqual([]);
    const secrets = Object.values(file.services)
      .flatMap((service) => Object.entries(service.environment ?? {}))
      // One without a value is handed on from .env, or is not there at all.
      .filter(([name, value]) => /PASSWORD|TOKEN/.test(name) && value !== null);
    for (const [name, value] of secrets) expect(String(value), name).toMatch(/^\$\{/);
  });

  it('confines our services, and lets them end in peace', () => {
    for (const name of OURS) {
      expect(file.services[name], name).toMatchObject({
        init: true,
        stop_grace_period: '30s',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    }
    expect(dockerfileText()).toMatch(/^USER node$/m);
    for (const [name, service] of Object.entries(file.services)) {
      if (name === OPTIONAL) expect(service).toMatchObject({ profiles: [name], restart: 'unless-stopped' });
      if (name === OPTIONAL) continue;
      const profile = ONCE.get(name);
      expect(service.restart, name).toBe(profile === undefined ? 'unless-stopped' : 'no');
      expect(service.profiles, name).toEqual(profile === undefined ? undefined : [profile]);
      if (profile === undefined) expect(service.healthcheck, name).toBeDefined();
      for (const [dependency, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition, `${name} on ${dependency}`).toBe('service_healthy');
      }
    }
  });

  it('whoever needs the credentials runs as their owner; whoever only reads them cannot change them', () => {
    const mounting = Object.entries(file.services).filter(([, service]) =>
      service.volumes?.some(({ target }) => target === '/config'),
    );
    expect(mounting.map(([name]) => name).sort()).toEqual(['devices', 'ingest-gateway', 'simulator']);
    for (const [name, { user, volumes }] of mounting) {
      expect(user, name).toMatch(/^\$\{CONFIG_OWNER:\?/);
      const config = volumes?.find(({ target }) => target === '/config');
      expect(config?.read_only ?? false, name).toBe(name !== 'devices');
    }
  });

  it('who maps or replays knows the same mappings, and the variables that are handed on exist', () => {
    const known = new Set(listVariables().map(({ name }) => name));
    for (const name of ['ingest-gateway', 'mqtt-source', 'processors']) {
      const handedOn = Object.entries(file.services[name]?.environment ?? {}).filter(
        ([, value]) => value === null,
      );
      expect(
        handedOn.map(([variable]) => variable),
        name,
      ).toEqual(expect.arrayContaining(['MAPPINGS', 'SITE_ZONE']));
      for (const [variable] of handedOn) expect(known, name).toContain(variable);
    }
    expect(file.services[OPTIONAL]?.command).toContain('ingest-gateway/source/main.ts');
  });

  const [kafka, influxDb] = [inject('kafka'), inject('influxdb')];
  describe.skipIf(missingReason(kafka, influxDb))('run natively', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'compose-'));
    const run = randomBytes(4).toString('hex');
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('its commands and variables make a pipeline whose books close', { timeout: 180_000 }, async () => {
      const influx = required(influxDb);
      const bucket = `compose-${run}`;
      await influxDbApi(influx).createBucket(bucket);
      const ports = (await choosePorts([undefined, undefined, undefined, undefined])) as [
        number,
        number,
        number,
        number,
      ];
      const [mqttPort, ...httpPorts] = ports;
      addDevices(path.join(folder, 'devices.json'), path.join(folder, 'simulator-credentials'));

      /** What stands in the file, with the addresses of this machine in place of the containers' names. */
      const here = (name: string): { command: [string, ...string[]]; env: Record<string, string> } => {
        const service = file.services[name];
        const translate = (text: string): string =>
          text
            .replace(/^\$\{INFLUX_TOKEN:.*\}$/, influx.token)
            .replace('kafka:9092', required(kafka).brokers.join())
            .replace('http://influxdb:8086', influx.url)
            .replace('mqtt://ingest-gateway:1883', `mqtt://127.0.0.1:${mqttPort}`)
            .replace('/config/', `${folder}/`);
        const environment = Object.entries(service?.environment ?? {})
          .filter(([, value]) => value !== null)
          .map(([key, value]) => [key, translate(String(value))]);
        const [node, start, ...command] = (service?.command ?? []).map(translate);
        expect([node, start]).toEqual(['node', 'runtime/start.mjs']);
        return { command: command as [string, ...string[]], env: Object.fromEntries(environment) };
      };
      // Shared services: topics, group, organisation, bucket and ports of this run.
      const own = {
        TELEMETRY_TOPIC: `readings-${run}`,
        DEAD_LETTER_TOPIC: `dlq-${run}`,
        DEAD_LETTER_STATE_TOPIC: `dlq-state-${run}`,
        CONSUMER_GROUP: `writer-${run}`,
        INFLUX_ORG: influx.org,
        INFLUX_BUCKET: bucket,
        MQTT_PORT: String(mqttPort),
      };
      await using processes = new AsyncDisposableStack();
      for (const [index, name] of (['ingest-gateway', 'processors', 'lag-monitor'] as const).entries()) {
        const { command, env } = here(name);
        const httpPort = httpPorts[index] as number;
        const options = { command, env: { ...env, ...own, HTTP_PORT: String(httpPort) }, httpPort };
        const started = processes.use(new PipelineProcess(options));
        await started.start();
      }

      const { command, env } = here('simulator');
      const args = command.slice(1).filter((argument) => !argument.startsWith('--duration'));
      const report = await runSimulator([...args, '--duration=10'], { ...env, ...own });
      expect(report).toMatchObject({ missing: 0, ok: true });
      expect(report.stored).toBeGreaterThan(0);
    });
  });
});

function addDevices(credentialsFile: string, simulatorCredentials: string): void {
  const output = execFileSync(
    process.execPath,
    [
      'ingest-gateway/devices/main.ts',
      'add',
      ...Array.from({ length: 10 }, (_, index) => `truck-${index + 1}`),
    ],
    { env: { DEVICE_CREDENTIALS_FILE: credentialsFile }, encoding: 'utf8' },
  );
  writeFileSync(simulatorCredentials, output);
}
