import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runMapping } from './command.ts';

const NOW = Date.UTC(2026, 10, 20, 10);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mapping-command-'));
  mkdirSync(path.join(folder, 'mappings'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MAPPING = {
  source: 'plant',
  rules: [
    {
      topic: 'plant/{line}/{device}',
      as: { type: 'environment/2', measurement: 'mqtt_consumer', tags: { line: '{line}' } },
      device: '{device}',
      ts: { at: '/t', format: 's', else: 'received' },
      values: { temperature: '/temp' },
    },
    { topic: 'plant/#', ignore: true },
  ],
  examples: [
    { topic: 'plant/a/oven', payload: { temp: 1 }, expect: [{ device: 'oven', values: { temperature: 1 } }] },
  ],
};

async function mapping(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const own = { MAPPING_DIR: path.join(folder, 'mappings'), SITE_ZONE: 'UTC' };
  const io = { argv, env: { ...own, ...env }, stdout, stderr, signal: new AbortController().signal };
  const code = await runMapping(io, {
    now: () => NOW,
    readFile: (file) => readFileSync(file),
    openLog: () => Promise.reject(new Error('not asked for')),
  });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

const write = (content: unknown) =>
  writeFileSync(path.join(folder, 'mappings', 'plant.json'), JSON.stringify(content));

it.each([
  ['compare --bucket b --url', 'http://u:hush@127.0.0.1:1'],
  ['compare --bucket b --url', 'http://u:hush@127.0.0.1:port'],
  ['compare --bucket b --url', 'influx'],
  ['suggest --source s --out out --url', 'http://u:hush@127.0.0.1:1'],
  ['suggest --source s --out out --url', 'mqtt://u:hush@127.0.0.1:port'],
])('[P10] mapping %s %s: refused as no address for it, and not quoted', async (command, url) => {
  const influx = { INFLUX_URL: 'http://127.0.0.1:1', INFLUX_TOKEN: 't', INFLUX_ORG: 'o', INFLUX_BUCKET: 'b' };
  const { code, err } = await mapping([...command.split(' '), url], influx);
  expect([code, err]).toEqual([2, expect.stringContaining('--url: expected an address such as ')]);
  expect(err).not.toContain('hush');
});

describe('mapping check', () => {
  it('says what there is, and which fields of a type nothing fills', async () => {
    write(MAPPING);
    const { code, out } = await mapping(['check']);
    expect(code).toBe(0);
    expect(out).toMatch(/^plant +2 +1 +1$/m);
    expect(out).toMatch(/^environment\/2 +temperature +humidity, pressure, battery$/m);
    expect(JSON.parse((await mapping(['check', '--json'])).out)).toEqual({
      files: [{ source: 'plant', rules: 2, ignoring: 1, examples: 1 }],
      types: [{ type: 'environment/2', filled: ['temperature'], empty: ['humidity', 'pressure', 'battery'] }],
    });
  });

  it('[P10] tells all that is wrong, with file, rule and place', async () => {
    write({
      ...MAPPING,
      rules: [
        { ...MAPPING.rules[0], values: { temp: '/temp' }, device: undefined },
        { topic: 'x', ignor: true },
      ],
    });
    const { code, err } = await mapping(['check']);
    expect(code).toBe(2);
    const lines = err.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(/^MAPPING_DIR: .*plant\.json: \/rules\/[01]/);
    expect(err).toContain('(rule plant/{line}/{device}): is missing: whose reading is it?');
    expect(err).toContain('/rules/1/ignor');
  });

  it('[P10] an example that gives something else ends with 2, too; so does no mapping at all', async () => {
    write({ ...MAPPING, examples: [{ topic: 'plant/a/oven', payload: { temp: 1 }, expect: 'ignore' }] });
    expect(await mapping(['check'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('gives something else'),
    });
    expect(await mapping(['check'], { MAPPING_DIR: '' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('none are switched on'),
    });
  });
});

describe('mapping try', () => {
  it('shows rule, readings, and what the store will call them', async () => {
    write(MAPPING);
    const { code, out } = await mapping(['try', 'plant/a/oven', '{"temp":"21.5"}']);
    expect(code).toBe(0);
    expect(out).toContain('rule      plant: plant/{line}/{device}');
    expect(out).toMatch(/^oven +environment\/2 +received +temperature=21.5 +mqtt_consumer line=a$/m);
    const json = JSON.parse(
      (await mapping(['try', 'plant/a/oven', '{"temp":21.5,"t":1795168800}', '--json'])).out,
    );
    expect(json).toMatchObject({
      rule: { source: 'plant', topic: 'plant/{line}/{device}' },
      readings: [
        { device: 'oven', ts: 1795168800000, measurement: 'mqtt_consumer', tags: { line: 'a' }, path: '' },
      ],
      rejects: [],
    });
  });

  it('a payload may stand in a file; the clock and the client may be given', async () => {
    write(MAPPING);
    const file = path.join(folder, 'payload');
    writeFileSync(file, '{"temp":1}');
    const received = ['--received-at', '2026-11-20T09:00:00Z', '--client', 'x', '--json'];
    const { out } = await mapping(['try', 'plant/a/oven', `@${file}`, ...received]);
    expect(JSON.parse(out).readings[0].ts).toBe(NOW - 3_600_000);
    expect((await mapping(['try', 'plant/a/oven', `@${file}.none`])).code).toBe(2);
    expect((await mapping(['try', 'plant/a/oven', '1', '--received-at', 'noon'])).code).toBe(2);
  });

  it('[P5] a refused one ends with 1, and points at the place', async () => {
    write(MAPPING);
    const { code, out } = await mapping(['try', 'plant/a/oven', '{"temp":"hot"}']);
    expect(code).toBe(1);
    expect(out).toContain('refused   mapping-failed');
    expect(out).toContain('/temp must be a number (temperature)');
    expect((await mapping(['try', 'nowhere/else', '1'])).out).toContain('none knows this topic');
    expect(await mapping(['try', 'plant/lwt', 'Online'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('ignored   the rule swallows this topic'),
    });
    const hostile = await mapping(['try', 'plant/a/oven', '{"temp":"\u001b[2J"}']);
    expect(hostile.out).not.toContain('\u001b');
  });
});
