import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import { simulateCommand } from './command.ts';
import { PretendPipeline } from './testing/pretend-pipeline.ts';

let pipeline: PretendPipeline;
let folder: string;
beforeEach(async () => {
  pipeline = await PretendPipeline.start();
  folder = mkdtempSync(path.join(tmpdir(), 'simulate-'));
});
afterEach(async () => {
  await pipeline[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

class Collected extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function simulate(argv: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const code = await simulateCommand(
    { argv, env: { MQTT_PORT: String(pipeline.port) }, stdout, stderr, signal },
    {
      openLog: async () => pipeline.log,
      openStore: async () => pipeline.store,
      now: Date.now,
      random: Math.random,
    },
  );
  return { code, out: stdout.text, err: stderr.text };
}

const KEYS = [
  'sent',
  'acked',
  'malformed',
  'stored',
  'deadLettered',
  'pending',
  'missing',
  'duplicates',
  'ok',
  'missingReadings',
];

test('[P8] --verify --json: the last line of stdout is the books, and they close', async () => {
  const { code, out, err } = await simulate(
    '--devices 6 --count 30 --batch 5 --malformed 0.05 --disconnect 0.3 --seed 7 --verify --json'.split(' '),
  );
  const result = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>;
  expect(Object.keys(result)).toEqual(KEYS);
  expect(result).toMatchObject({
    acked: result['sent'],
    deadLettered: result['malformed'],
    missing: 0,
    ok: true,
  });
  expect([...pipeline.received.keys()].sort()[0]).toBe('sim-7-1');
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

test('[P2] a lost reading: exit code 1, and it is named', async () => {
  pipeline.acknowledge = (_device, payload) => {
    if (payload.includes('"seq":3,'))
      setTimeout(() =>
        pipeline.stored.splice(
          pipeline.stored.findIndex(({ seq }) => seq === 3),
          1,
        ),
      );
    return true;
  };
  const { code, out } = await simulate(
    '--devices 1 --count 10 --seed 1 --verify --verify-timeout 0.2'.split(' '),
  );
  expect(code).toBe(1);
  expect(out).toMatch(/missing {8}1\n {2}sim-1-1 seq 3 ts \d+: expected stored, found nothing\nNOT ok/);
});

test('a ledger can be verified later', async () => {
  const ledger = path.join(folder, 'ledger');
  const first = await simulate(`--devices 2 --count 5 --ledger ${ledger} --json`.split(' '));
  expect(JSON.parse(first.out)).toMatchObject({ sent: 10, acked: 10, stored: null, ok: null });
  const later = await simulate(`verify --ledger ${ledger} --json`.split(' '));
  expect(JSON.parse(later.out)).toMatchObject({ sent: 10, stored: 10, ok: true });
  expect(Object.keys(JSON.parse(later.out) as object)).toEqual(KEYS);
  pipeline.stored.pop();
  expect(await simulate(`verify --ledger ${ledger} --verify-timeout 0.1`.split(' '))).toMatchObject({
    code: 1,
  });
  expect(await simulate(`--count 1 --ledger ${ledger}`.split(' '))).toMatchObject({ code: 2 });
});

test('Ctrl-C ends a run without an end, and it is still verified', async () => {
  const interrupt = new AbortController();
  const run = simulate('--devices 2 --rate 100 --verify --json'.split(' '), interrupt.signal);
  await eventually(() => expect(pipeline.stored.length).toBeGreaterThan(10));
  interrupt.abort();
  const { code, out } = await run;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pending: 0, missing: 0, ok: true });
});

test('credentials: devices and passwords come from the file', async () => {
  const file = path.join(folder, 'passwords');
  writeFileSync(file, '# made by npm run devices\npump-1 one secret\n\npump-2 two\n');
  expect(await simulate(['--count', '1', '--credentials', file])).toMatchObject({ code: 0 });
  expect(pipeline.users.toSorted()).toEqual([
    ['pump-1', 'one secret'],
    ['pump-2', 'two'],
  ]);
  expect(await simulate(['--count', '1', '--devices', '3', '--credentials', file])).toMatchObject({
    code: 2,
  });
  writeFileSync(file, 'pump-1\nbad/id pw\n');
  const { code, err } = await simulate(['--count', '1', '--credentials', file]);
  expect(code).toBe(2);
  expect(err).toMatch(/line 1.*\n.*line 2/);
  expect(err).not.toContain('bad/id');
});

test('--types chooses, newest version or by name', async () => {
  await simulate('--devices 2 --count 1 --types tracker,vibration/1'.split(' '));
  expect(new Set(pipeline.stored.map(({ schema }) => schema))).toEqual(new Set(['tracker/1', 'vibration/1']));
});

test('a scenario sets what is not said explicitly', async () => {
  const { out } = await simulate(
    '--scenario broken-firmware --devices 3 --count 20 --rate max --json'.split(' '),
  );
  const { sent, malformed } = JSON.parse(out) as { sent: number; malformed: number };
  expect(pipeline.received.size).toBe(3);
  expect(malformed / sent).toBeGreaterThan(0.05);
});

test('the scenarios are listed', async () => {
  expect(await simulate(['--list-scenarios'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('bad-4g'),
  });
  expect(Object.keys(JSON.parse((await simulate(['--list-scenarios', '--json'])).out) as object)).toContain(
    'bad-4g',
  );
});

test.each([
  ['--rate 0', /--rate/],
  ['--malformed 2', /--malformed/],
  ['--batch 501', /--batch/],
  [
    '--count 1 --duration 1 --url http://x --scenario nope --burst-length 99',
    /--scenario.*\n.*--count.*\n.*--url.*\n.*--burst-length/,
  ],
  ['--rate max --burst-factor 5', /--burst-factor/],
  [
    '--types nope --count 1',
    /--types: there is no nope; known: energy-meter, environment, tracker, vibration/,
  ],
  ['--count 1 --credentials /no/such/file', /--credentials/],
  ['verify', /--ledger/],
  ['verify --ledger /no/such/file', /--ledger/],
  ['--nonsense', /nonsense/],
])('%s: exit code 2 and a clear message', async (argv, message) => {
  const { code, err } = await simulate(argv.split(' '));
  expect(err).toMatch(message);
  expect(code).toBe(2);
  expect(pipeline.received.size).toBe(0);
});
