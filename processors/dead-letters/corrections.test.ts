import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openEventLog } from '#event-log/open-event-log.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { runDeadLetters } from './command.ts';
import {
  appendLetter,
  captureIo,
  letterFor,
  openTestLog,
  reading,
  type TestLog,
  TOPICS,
  testDeps,
} from './testing/log-with-letters.ts';

const schemas = loadSchemas();
let under: TestLog;
let folder: string;
beforeEach(async () => {
  under = await openTestLog();
  folder = mkdtempSync(path.join(tmpdir(), 'corrections-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});
afterEach(() => under[Symbol.asyncDispose]());

async function dlq(...argv: readonly string[]) {
  const { io, out, err } = captureIo(argv, { DATA_DIR: under.dataDir });
  Object.assign(io.stdout, { columns: 80 });
  const code = await runDeadLetters(io, {
    now: Date.now,
    openLog: (settings) => openEventLog(settings, 'beside', testDeps()),
  });
  return { code, out: out(), err: err() };
}
const submit = async (lines: readonly string[], ...more: string[]) => {
  const file = path.join(folder, 'corrected.jsonl');
  writeFileSync(file, lines.join('\n'));
  const { code, out } = await dlq('submit', file, '--json', ...more);
  return { code, ...JSON.parse(out) };
};
const bad = (seq: number) => reading(seq, { values: { temperature: 'hot', humidity: 40 } });
const letter = (payload: string | Uint8Array) =>
  appendLetter(under.log, letterFor('dev-1', payload, { schemas }));
const exported = async () => (await dlq('export')).out.split('\n').filter((line) => line !== '');
const telemetry = () => Array.fromAsync(under.log.read(TOPICS.telemetry));
const status = async (id: string) =>
  (await dlq('list', '--all', '--json')).out
    .split('\n')
    .filter((line) => line.includes(`"id":"${id}"`))
    .map((line) => JSON.parse(line).status)[0];

describe('dlq export and submit', () => {
  test('a corrected payload is in the log, says which letter it corrects, and the letter is recovered', async () => {
    const [first, second] = [await letter(bad(1)), await letter(bad(2))];
    const lines = (await exported()).map((line) => line.replace('"hot"', '21.5'));
    expect(lines).toHaveLength(2);
    expect(await submit(lines, '--dry-run')).toMatchObject({ code: 0, recovered: 2, refused: 0 });
    expect(await telemetry()).toEqual([]);
    expect(await submit(lines)).toMatchObject({ code: 0, lines: 2, recovered: 2, refused: 0, problems: [] });
    const records = await telemetry();
    expect(records.map(({ headers }) => headers['dlq.corrected'])).toEqual([first, second]);
    expect(JSON.parse(String(records[0]?.value))).toMatchObject({ seq: 1, values: { temperature: 21.5 } });
    expect(await status(first)).toBe('recovered');
    expect((await dlq('list')).out).toBe('No dead letters.\n');
    const again = await submit(lines.slice(0, 1));
    expect(again).toMatchObject({ code: 1, recovered: 0, refused: 1 });
    expect(again.problems[0].problem).toMatch(/does not wait: it is recovered/);
    expect(await telemetry()).toHaveLength(2);
  });

  test('a refused correction is told with its place, the letter stays, the others pass', async () => {
    const [good, wrong] = [await letter(bad(1)), await letter(bad(2))];
    const [line, still = ''] = await exported();
    const result = await submit([
      (line as string).replace('"hot"', '20'),
      '',
      still,
      'x',
      '{"letter":"0-99","payload":{}}',
      '{"letter":"0-1"}',
    ]);
    expect(result).toMatchObject({ code: 1, lines: 5, recovered: 1, refused: 2 });
    expect(result.problems).toMatchObject([
      {
        line: 3,
        problem: `column ${still.indexOf('"hot"') + 1}, letter ${wrong}: schema-violation /values/temperature must be number`,
      },
      { line: 4, problem: 'column 1: expected one JSON object a line' },
      { line: 5, problem: 'letter 0-99 is not there: it never was, or retention removed it' },
      { line: 6, problem: 'expected one of "payload", "payloadText", "payloadBase64"' },
    ]);
    expect(await status(good)).toBe('recovered');
    expect(await status(wrong)).toBe('pending');
  });

  test('payloads are exported to the letter: digits, keys twice, text, bytes; unchanged they are refused as before', async () => {
    const payloads = [
      reading(1, { values: { temperature: 1 } }).replace('"temperature":1', '"temperature":9007199254740993'),
      '{"schema":"environment/1",\n "seq":1, "seq":2}',
      '{"schema":',
      Buffer.from([0x7b, 0xff, 0x00]),
    ];
    for (const payload of payloads) await letter(payload);
    const lines = await exported();
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('9007199254740993');
    expect(lines[1]).toContain('"seq":1, "seq":2}');
    expect(JSON.parse(lines[2] as string)).toMatchObject({ payloadText: '{"schema":' });
    expect(JSON.parse(lines[3] as string)).toMatchObject({ payloadBase64: 'e/8A' });
    const { recovered, problems } = await submit(lines);
    expect(recovered).toBe(0);
    expect(problems.map(({ problem }: { problem: string }) => /: ([a-z0-9-]+)/.exec(problem)?.[1])).toEqual([
      'number-out-of-range',
      'schema-violation',
      'malformed-json',
      'not-utf8',
    ]);
  });

  test('one letter in several parts: all of them or none', async () => {
    const id = await letter(bad(1));
    const part = (payload: string) => `{"letter":"${id}","payload":${payload}}`;
    expect(await submit([part(reading(1)), part(bad(2))])).toMatchObject({ recovered: 0, refused: 1 });
    expect(await telemetry()).toEqual([]);
    expect(await submit([part(reading(1)), part(`[${reading(2)},${reading(3)}]`)])).toMatchObject({
      recovered: 1,
    });
    expect((await telemetry()).map(({ headers }) => headers['readings'])).toEqual(['1', '2']);
  });
});

describe('dlq dismiss, undo and replay', () => {
  test('a dry run dismisses nothing; undo lets the letters wait again, with their attempts', async () => {
    const ids = [await letter(bad(1)), await letter(bad(2))];
    await dlq('replay', ids[0] as string);
    expect((await dlq('dismiss', '--device', 'dev-1', '--dry-run')).out).toBe(
      'Dry run, nothing was changed. 2 letters would be dismissed (2 schema-violation).\n',
    );
    expect(await status(ids[0] as string)).toBe('pending');
    expect(JSON.parse((await dlq('dismiss', '--device', 'dev-1', '--json')).out)).toMatchObject({
      dismissed: 2,
    });
    expect(await status(ids[0] as string)).toBe('dismissed');
    expect((await dlq('undo')).code).toBe(2);
    expect((await dlq('undo', '--dismissed-since', '1h', '--dry-run')).out).toMatch(
      /2 letters would be waiting again/,
    );
    expect(JSON.parse((await dlq('undo', '--dismissed-since', '1h', '--json')).out)).toMatchObject({
      undone: 2,
    });
    const waiting = (await dlq('list', '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(waiting.map(({ id, attempts }) => [id, attempts])).toEqual([
      [ids[0], 1],
      [ids[1], 0],
    ]);
  });

  test('says why there is nothing to do', async () => {
    expect((await dlq('replay')).out).toMatch(/There are no dead letters/);
    const id = await letter(bad(1));
    expect((await dlq('replay', '--device', 'other')).out).toMatch(
      /1 letter \(1 pending\), and none of them is what the filters ask for/,
    );
    await dlq('dismiss', id);
    expect((await dlq('replay')).out).toMatch(/1 letter \(1 dismissed\), and none is pending or parked/);
    expect((await dlq('replay', id, '0-77')).out).toMatch(
      new RegExp(`${id} is dismissed; 0-77 is not there`),
    );
    expect((await dlq('dismiss', id)).out).toMatch(`${id} is dismissed`);
  });
});

test('dlq list: by what is wrong and of which device, within 80 columns', async () => {
  const device = 'd'.repeat(64);
  for (let i = 0; i < 12; i++) await appendLetter(under.log, letterFor(device, bad(i), { schemas }));
  for (let i = 0; i < 8; i++)
    await appendLetter(under.log, letterFor(`dev-${i}`, reading(i, { ts: 1_000 + i }), { schemas }));
  await letter('{');
  const lines = (await dlq('list')).out.split('\n');
  expect(lines[0]).toBe('21 dead letters, by what is wrong with them:');
  expect(lines.slice(2, 5)).toEqual([
    '12 letters  schema-violation',
    '  /values/temperature must be number',
    expect.stringMatching(/^ +12 {2}d{33}… {2}newest 0-\d+, \d+ min ago$/),
  ]);
  expect(lines).toContain('8 letters  timestamp-out-of-range');
  expect(lines.filter((line) => /^ +1 {2}dev-/.test(line))).toHaveLength(6);
  expect(lines.find((line) => line.includes('more device'))).toMatch(/3 {2}of 3 more devices/);
  const each = (await dlq('list', '--each')).out.split('\n');
  expect(each.find((line) => line.includes('dddd'))).toMatch(/^\d+-\d+ +\S+Z {2}d{15}… {2}schema-violation/);
  expect(lines.at(-2)).toMatch(/for machines$/);
  for (const line of [...lines, ...each]) expect(line.length).toBeLessThanOrEqual(80);
});
