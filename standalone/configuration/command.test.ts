import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runConfig } from './command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function config(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runConfig({
    argv: args,
    env: { DATA_DIR: path.join(folder, 'data'), ...env },
    stdout,
    stderr,
    signal: new AbortController().signal,
  });
  const out = String(stdout.read() ?? '');
  return { code, out, err: String(stderr.read() ?? '') };
}

const DISTRIBUTED = {
  KAFKA_BROKERS: 'kafka:9092',
  INFLUX_URL: 'http://influx:8086',
  INFLUX_ORG: 'o',
  INFLUX_BUCKET: 'b',
  INFLUX_TOKEN: 'hush-hush',
};

describe('npm run config', () => {
  test('check says that all is good, and changes nothing', async () => {
    expect(await config(['check'])).toEqual({ code: 0, out: 'All good: standalone.\n', err: '' });
    expect(await config(['check'], DISTRIBUTED)).toMatchObject({
      code: 0,
      out: 'All good: gateway, processors, lag-monitor.\n',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('[P10] check tells the problems of every process at once, each once', async () => {
    const wrong = {
      KAFKA_BROKERS: 'a:1',
      MQTT_PORT: 'x',
      MAX_PACKET_BYTES: '9000',
      SCHEMA_DIR: path.join(folder, 'missing'),
      DEVICE_CREDENTIALS_FILE: path.join(folder, 'none.json'),
    };
    const { code, out, err } = await config(['check', '--json'], wrong);
    expect(code).toBe(2);
    const { ok, problems } = JSON.parse(out);
    expect(ok).toBe(false);
    expect(err.trimEnd().split('\n')).toEqual(problems);
    expect(problems.map((problem: string) => problem.split(':')[0]).sort()).toEqual([
      'DEVICE_CREDENTIALS_FILE',
      'INFLUX_URL',
      'MAX_PACKET_BYTES',
      'MQTT_PORT',
      'SCHEMA_DIR',
    ]);
    expect((await config(['show'], wrong)).code).toBe(2);
    expect((await config(['check', '--for', 'nobody'])).code).toBe(2);
  });

  test('[P10] check warns in words that may go to a terminal', async () => {
    const { code, err } = await config(['check'], { 'MQTT_PROT\u001b]0;x\u0007': '1' });
    expect(code).toBe(0);
    expect(err).toContain('MQTT_PROT\\u{1b}]0;x\\u{07}');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test('show says what is in force, from where and for whom, and no secret', async () => {
    const env = { ...DISTRIBUTED, MQTT_MESSAGES_PER_SECOND: '50' };
    const { code, out } = await config(['show', '--json'], env);
    expect(code).toBe(0);
    expect(out).not.toContain('hush');
    const { variables } = JSON.parse(out);
    const found = (name: string) => variables.find((it: { name: string }) => it.name === name);
    expect(found('MQTT_MESSAGES_PER_SECOND')).toEqual({
      name: 'MQTT_MESSAGES_PER_SECOND',
      value: '50',
      from: 'environment',
      readBy: ['gateway'],
    });
    expect(found('MQTT_MESSAGE_BURST')).toMatchObject({ value: '500', from: 'default' });
    const targets = 'http://u:hush@g-1:8080/p/, http://g-2:8080 ,http:hush@g-3';
    for (const format of [[], ['--json']]) {
      const told = await config(['show', '--for', 'console', ...format], {
        ...env,
        CONSOLE_TARGETS: targets,
      });
      expect(told.code).toBe(0);
      expect(told.out).toContain('http://g-1:8080/p/, http://g-2:8080 ,http://g-3/');
      expect(told.out).not.toContain('hush');
    }
    expect(found('INFLUX_TOKEN')).toMatchObject({ value: '(hidden)', from: 'environment' });
    expect(found('HTTP_PORT').value).toBe('gateway 8080, processors 8081, lag-monitor 8082');
    expect(found('SCHEMA_DIR')).toMatchObject({ value: null, from: 'not set' });
    expect(found('EMBEDDED_MAX_BYTES')).toBeUndefined();
    const source = { ...env, MQTT_SOURCE_URL: 'mqtt://127.0.0.1:1' };
    const withSource = JSON.parse((await config(['show', '--json'], source)).out);
    expect(withSource.processes).toEqual(['gateway', 'mqtt-source', 'processors', 'lag-monitor']);
    const readers = (name: string) =>
      withSource.variables.find((it: { name: string }) => it.name === name).readBy;
    expect(readers('MQTT_SOURCE_URL')).toEqual(['mqtt-source']);
    expect(readers('ACK_DEADLINE_MS')).toEqual(['gateway', 'mqtt-source']);
    expect(readers('MQTT_PORT')).toEqual(['gateway']);
    const one = await config(['show', '--for', 'lag-monitor'], env);
    expect(one.out).toMatch(/^HTTP_PORT +default +all +8082$/m);
    expect(one.out).not.toContain('MQTT_PORT');
  });
});
