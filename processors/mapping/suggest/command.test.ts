import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEventLog } from '#event-log/open-event-log.ts';
import {
  appendLetters,
  captureIo,
  letterFor,
  openTestLog,
  testDeps,
} from '#processors/dead-letters/testing/log-with-letters.ts';
import { runMapping } from '#processors/mapping/command.ts';

let out: string;
beforeEach(() => {
  out = path.join(mkdtempSync(path.join(tmpdir(), 'suggest-')), 'first');
});
afterEach(() => rmSync(path.dirname(out), { recursive: true }));

/** `npm run mapping -- …`, with a log of letters where one is needed. */
async function mapping(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { io, out: stdout, err } = captureIo(argv, { SITE_ZONE: 'UTC', ...env });
  const code = await runMapping(io, {
    now: Date.now,
    readFile: (file) => readFileSync(file),
    openLog: (settings) => openEventLog(settings, 'beside', testDeps()),
  });
  return { code, out: stdout(), err: err() };
}
const suggest = (env: Readonly<Record<string, string>>, ...more: readonly string[]) =>
  mapping(['suggest', '--source', 'plant', '--out', out, ...more], env);
/** The files that were written, as the next command loads them. */
const written = () => ({
  MAPPING_DIR: path.join(out, 'mappings'),
  SCHEMA_DIR: path.join(out, 'schemas'),
});
const rules = () =>
  (JSON.parse(readFileSync(path.join(out, 'mappings', 'plant.json'), 'utf8')) as { rules: object[] }).rules;

/** A broker that retains, and that publishes to whoever has subscribed. */
async function startBroker() {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const client = await connectAsync(url);
  return {
    url,
    hangUp() {
      for (const socket of sockets) socket.destroy();
    },
    publish: (topic: string, payload: unknown, retain = false) =>
      client.publishAsync(topic, JSON.stringify(payload), { qos: 1, retain }),
    /** Resolves when somebody has subscribed. */
    subscribed: () => new Promise<void>((resolve) => broker.once('subscribe', () => resolve())),
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(resolve));
    },
  };
}

describe('mapping suggest', () => {
  test('from the letters that are there, without waiting; what it writes is loaded and maps', async () => {
    await using under = await openTestLog();
    const env = { DATA_DIR: under.dataDir };
    const unmapped = { reason: 'unmapped-topic', detail: {} } as const;
    await appendLetters(under.log, [
      letterFor('c', '{"t":21.5}', { ...unmapped, mqttTopic: 'plant/oven-1/data' }),
      letterFor('c', '{"t":22}', { ...unmapped, mqttTopic: 'plant/oven-2/data' }),
      letterFor('c', '{"t":23}', { reason: 'mapping-failed', detail: {}, mqttTopic: 'other/oven-1/data' }),
    ]);
    const { code, out: text, err } = await suggest(env, '--seconds', '0');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(text).toContain('2 messages were seen.');
    expect(text).toContain('plant/{device}/data  (2 topics)');
    expect(text).toContain('UNSURE: the device is {device} of the topic: a guess');
    expect(await mapping(['check'], written())).toMatchObject({ code: 0 });
    const tried = await mapping(['try', 'plant/oven-9/data', '{"t":3}', '--json'], written());
    expect(JSON.parse(tried.out).readings).toMatchObject([{ device: 'oven-9', values: { t: 3 } }]);

    expect(await suggest(env, '--seconds', '0')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there are files already'),
    });
    expect(await suggest(env, '--seconds', '0', '--overwrite')).toMatchObject({ code: 0 });
  });

  test('nothing that is unmapped: exit code 1, and no files', async () => {
    await using under = await openTestLog();
    const { code, err } = await suggest({ DATA_DIR: under.dataDir }, '--seconds', '0');
    expect({ code, err }).toEqual({ code: 1, err: 'No message was seen that no mapping knows.\n' });
    expect(() => rules()).toThrow('ENOENT');
  });

  test('of a broker with --seconds 0: all that it retains', async () => {
    await using broker = await startBroker();
    for (let n = 0; n < 300; n++) await broker.publish(`plant/oven-${n}/data`, { t: n }, true);
    await broker.publish('plant/lost/data', { t: 1 });
    const { code, out: json } = await suggest({}, '--url', broker.url, '--seconds', '0', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(json)).toMatchObject({
      messages: 300,
      rules: [{ topic: 'plant/{device}/data', topics: 300, type: 'plant-data' }],
    });
  });

  test('of a broker: what it publishes meanwhile, but for what a mapping knows, and our own topics', async () => {
    await using broker = await startBroker();
    const subscribed = broker.subscribed();
    const running = suggest({ MAPPINGS: 'tasmota' }, '--url', broker.url, '--seconds', '5', '--topics', '#');
    await subscribed;
    await broker.publish('devices/d/telemetry', {});
    await broker.publish('tele/boiler/SENSOR', { AM2301: { Temperature: 1 } });
    await broker.publish('plant/oven-1/data', { t: 1 });
    const { code } = await running;
    expect(code).toBe(0);
    expect(rules()).toMatchObject([{ topic: 'plant/{device}/data' }]);
  });

  test('[P10] a broker that closes the connection: before it lets anybody in, and in the middle', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const { code, err } = await suggest({}, '--url', url, '--seconds', '0');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^--url: cannot connect: /) });
    server.close();

    await using broker = await startBroker();
    await broker.publish('plant/oven-1/data', { t: 1 }, true);
    const subscribed = broker.subscribed();
    const running = suggest({}, '--url', broker.url, '--seconds', '86400');
    await subscribed;
    broker.hangUp();
    const cut = await running;
    // Also when it had not said yet what it grants.
    expect(cut.err).toMatch(/broker closed the connection/i);
  });

  test('[P10] a broker that is not there, and words that are no options', async () => {
    const { code, err } = await suggest({}, '--url', 'mqtt://127.0.0.1:1', '--seconds', '0');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^--url: cannot connect: /) });
    for (const wrong of [
      ['--source', 'No Name'],
      ['--topics', 'a/#/b'],
      ['--seconds', '-1'],
    ])
      expect((await suggest({}, ...wrong)).code, wrong.join()).toBe(2);
  });
});
