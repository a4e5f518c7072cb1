import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openEventLog } from '#event-log/open-event-log.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { runDeadLetters } from './command.ts';
import { deadLettersLock } from './dead-letters-lock.ts';
import {
  appendLetter,
  appendLetters,
  captureIo,
  letterFor,
  openTestLog,
  reading,
  type TestLog,
  TOPICS,
  testDeps,
  withCalls,
} from './testing/log-with-letters.ts';

const schemas = loadSchemas();
/** Moves a cursor, recolours, retitles, reorders: none of it may reach a terminal. */
const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp.exe\u2066\u200b\u0000\u007f';
const RAW = /[^\n\P{C}]|[\p{Zl}\p{Zp}]/u;

describe('dlq', () => {
  let under: TestLog;
  let beside: EventLog;
  beforeEach(async () => {
    under = await openTestLog();
    beside = await under.beside();
  });
  afterEach(() => under[Symbol.asyncDispose]());

  /** One handle for all commands of a test: opening one starts threads. */
  const openShared = async () => withCalls(beside, { [Symbol.asyncDispose]: async () => {} });
  const dlq = async (
    argv: readonly string[],
    more: { env?: Record<string, string>; isTTY?: boolean } = {},
  ) => {
    const { io, out, err } = captureIo(argv, { DATA_DIR: under.dataDir, ...more.env }, more);
    const code = await runDeadLetters(io, {
      now: Date.now,
      openLog:
        more.env === undefined ? openShared : (settings) => openEventLog(settings, 'beside', testDeps()),
    });
    return { code, out: out(), err: err() };
  };
  const jsonLines = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));

  test('list shows a table of the newest letters, and says how many more there are', async () => {
    await appendLetters(
      under.log,
      Array.from({ length: 5 }, (_, i) => letterFor(`dev-${i}`, `{${i}`)),
    );
    const { code, out } = await dlq(['list', '--each', '--limit', '2']);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^ID +TIME +DEVICE +REASON +STAGE +ATTEMPTS +COPIES +DETAIL/);
    expect(lines.slice(1, 3).map((line) => line.split(/ +/)[2])).toEqual(['dev-4', 'dev-3']);
    expect(out).toContain('the newest 2 of 5 letters');
    expect((await dlq(['list', '--device', 'nobody'])).out).toBe('No dead letters.\n');
  });

  test('list --json is one object a line, duplicates folded', async () => {
    const letter = letterFor('dev-1', reading(1, { values: { temperature: 'hot' } }), { schemas });
    await appendLetters(under.log, [letter, letter, letterFor('dev-1', '{')]);
    const lines = jsonLines((await dlq(['list', '--json'])).out);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      id: '0-0',
      device: 'dev-1',
      reason: 'schema-violation',
      stage: 'gateway',
      schema: 'environment/1',
      attempts: 0,
      status: 'pending',
      copies: 2,
    });
    expect(lines[0].detail.errors[0].path).toMatch(/^\/values/);
  });

  test('of foreign topics, the mapping and its rule are told, and filtered by', async () => {
    const rule = { source: 'tasmota', topic: 'tele/{device}/SENSOR' };
    await appendLetters(under.log, [
      letterFor('dev-1', '{'),
      letterFor('gw', '{"t":"hot"}', {
        reason: 'mapping-failed',
        mqttTopic: 'tele/a/SENSOR',
        rule,
        path: '',
      }),
      letterFor('gw', '{"t":1}', { reason: 'unmapped-topic', mqttTopic: 'x/y' }),
    ]);
    const { out } = await dlq(['list', '--each']);
    const sources = out.split('\n').map((line) => line.split(/ +/)[4]);
    expect(sources.slice(0, 4).toSorted()).toEqual(['SOURCE', 'none', 'tasmota', '–'].toSorted());
    expect(jsonLines((await dlq(['list', '--source', 'tasmota', '--json'])).out)).toMatchObject([
      { id: '0-1', source: 'tasmota', rule: rule.topic, topic: 'tele/a/SENSOR', path: '' },
    ]);
    expect(jsonLines((await dlq(['list', '--source', 'none', '--json'])).out)).toMatchObject([
      { id: '0-2', source: 'none', rule: null, topic: 'x/y' },
    ]);
    expect((await dlq(['list', '--each', '--device', 'dev-1'])).out).not.toContain('SOURCE');
    expect((await dlq(['show', '0-1'])).out).toContain('mapping       tasmota, rule tele/{device}/SENSOR\n');
    expect((await dlq(['show', '0-2'])).out).toMatch(
      /topic +x\/y\n +mapping +none has a rule for this topic\n/,
    );
  });

  test('filters: reason, device, schema, stage, since, until, and their combination', async () => {
    await appendLetters(under.log, [
      letterFor('dev-1', '{'),
      letterFor('dev-2', reading(1, { schema: 'fan/1' })),
      letterFor('dev-2', reading(2), { reason: 'store-rejected', stage: 'telemetry-writer' }),
    ]);
    const found = async (...argv: string[]) =>
      jsonLines((await dlq(['list', '--json', ...argv])).out).map(({ id }) => id);
    expect(await found('--reason', 'malformed-json', '--reason', 'store-rejected')).toEqual(['0-0', '0-2']);
    expect(await found('--device', 'dev-2')).toEqual(['0-1', '0-2']);
    expect(await found('--schema', 'fan/1')).toEqual(['0-1']);
    expect(await found('--stage', 'telemetry-writer')).toEqual(['0-2']);
    expect(await found('--since', '1h', '--device', 'dev-1')).toEqual(['0-0']);
    expect(await found('--until', '1h')).toEqual([]);
    expect(await found('--limit', '1')).toEqual(['0-2']);
  });

  test('what was dealt with is listed with --all only, with what became of it', async () => {
    await appendLetters(under.log, [letterFor('dev-1', reading(1)), letterFor('dev-2', '{')]);
    expect((await dlq(['replay'])).out).toContain('2 letters: 1 passed, 1 failed again, 0 parked.');
    expect(jsonLines((await dlq(['list', '--json'])).out).map(({ id, attempts }) => [id, attempts])).toEqual([
      ['0-1', 1],
    ]);
    const [replayed] = jsonLines((await dlq(['list', '--all', '--json'])).out);
    expect(replayed).toMatchObject({
      id: '0-0',
      status: 'replayed',
      outcome: { outcome: 'replayed', became: '0-0' },
    });
    expect((await dlq(['list', '--all'])).out).toContain('replayed as record 0-0');
  });

  test('stats counts by reason, device, schema and hour; the rest is summed up', async () => {
    await appendLetters(under.log, [
      letterFor('dev-1', '{'),
      letterFor('dev-1', '{'),
      letterFor('dev-2', reading(1, { schema: 'fan/1' })),
    ]);
    const [stats] = jsonLines((await dlq(['stats', '--json'])).out);
    expect(stats).toMatchObject({
      letters: 3,
      byReason: { 'malformed-json': 2, 'unknown-schema': 1 },
      byDevice: { 'dev-1': 2, 'dev-2': 1 },
      bySchema: { '(none)': 2, 'fan/1': 1 },
      byStatus: { pending: 3 },
    });
    expect(Object.values(stats.byHour as object).reduce((a, b) => a + b)).toBe(3);
    const { out } = await dlq(['stats', '--top', '1']);
    expect(out).toContain('3 dead letters');
    expect(out).toMatch(/malformed-json +2\n\(others\) +1/);
  });

  test('show points at the place in the payload, and judges by the schemas of today', async () => {
    const payload =
      '{"schema":"environment/1","ts":1764000000000,\n "values":{"temperature":"hot","humidity":4}}';
    const id = await appendLetter(
      under.log,
      letterFor('dev-1', payload, { schemas, receivedAt: 1_764_000_000_000 }),
    );
    const { out } = await dlq(['show', id]);
    expect(out).toContain('/values/temperature must be number (line 2, column 26)');
    const lines = out.split('\n');
    const at = lines.findIndex((line) => line.trim() === '^');
    expect(lines[at - 1]?.slice((lines[at] ?? '').length - 1)).toMatch(/^"hot"/);
    expect(out).toContain('dlq.reason: schema-violation');
    expect(out).toContain('replay today  would fail: schema-violation');
    expect(out).toContain('\n   "values":{"temperature"');
    const [json] = jsonLines((await dlq(['show', id, '--json'])).out);
    expect(json).toMatchObject({
      id,
      payload,
      problems: [{ path: '/values/temperature', line: 2, column: 26 }],
    });
    expect(Buffer.from(json.payloadBase64, 'base64').toString()).toBe(payload);
    expect((await dlq(['show', id, '--raw'])).out).toBe(payload);
  });

  test('show cuts long payloads, and dumps what is not text', async () => {
    const long = await appendLetter(under.log, letterFor('dev-1', `{"a":"${'x'.repeat(10_000)}`));
    expect((await dlq(['show', long])).out.length).toBeLessThan(7_000);
    expect((await dlq(['show', long, '--full'])).out).toContain('x'.repeat(10_000));
    const bytes = await appendLetter(under.log, letterFor('dev-1', Buffer.from([0x7b, 0x22, 0xe9, 0x1b])));
    const { out } = await dlq(['show', bytes]);
    expect(out).toContain('not UTF-8 from byte 2 on (0xe9)');
    expect(out).toMatch(/000000 {2}7b 22 e9 1b +\{"\.\./);
  });

  test('[P10] nothing hostile reaches the terminal, from payloads, keys or headers', async () => {
    const payloads = [
      HOSTILE,
      JSON.stringify({ schema: HOSTILE, ts: 1, values: { [HOSTILE]: 'x' } }),
      reading(1, { values: { temperature: HOSTILE, [HOSTILE]: 1 } }),
      reading(1, { [HOSTILE]: 1 }).replaceAll('\\u001b', '\u001b'),
    ];
    await appendLetters(
      under.log,
      payloads.map((payload) => letterFor('dev-1', payload, { schemas, mqttClientId: HOSTILE })),
    );
    await under.log.append(
      {
        topic: TOPICS.deadLetters,
        key: HOSTILE,
        value: Buffer.from(HOSTILE),
        headers: { [HOSTILE]: HOSTILE, 'dlq.reason': HOSTILE },
      },
      performance.now() + 60_000,
    );
    const commands = [
      'list',
      'list --each',
      'list --json',
      'export',
      'stats',
      'stats --json',
      'replay --dry-run',
      'replay --dry-run --json',
    ];
    for (const i of [0, 1, 2, 3, 4]) commands.push(`show 0-${i}`, `show 0-${i} --full`, `show 0-${i} --json`);
    for (const command of commands) {
      const { code, out, err } = await dlq(command.split(' '));
      expect(code).toBe(0);
      expect(out, command).not.toMatch(RAW);
      expect(err, command).not.toMatch(RAW);
    }
    expect((await dlq(['show', '0-0', '--raw'], { isTTY: true })).code).toBe(2);
  });

  test('replay by id; --json ends with the summary', async () => {
    await appendLetters(under.log, [letterFor('dev-1', reading(1)), letterFor('dev-1', reading(2))]);
    const { code, out } = await dlq(['replay', '0-1', '--json']);
    expect(code).toBe(0);
    expect(jsonLines(out).at(-1)).toEqual({
      dryRun: false,
      letters: 1,
      passed: 1,
      failedAgain: 0,
      parked: 0,
      unreplayable: 0,
      leftParked: 0,
      interrupted: false,
      why: {},
    });
  });

  test('a second replay says so, and exits 1', async () => {
    await using _held = await under.log.acquireLock(deadLettersLock(TOPICS));
    const { code, err } = await dlq(['replay']);
    expect(code).toBe(1);
    expect(err).toContain('another command or console changes dead letters');
  });

  test('dismissed letters are not pending; everything at once is refused', async () => {
    await appendLetters(under.log, [letterFor('dev-1', '{'), letterFor('dev-2', '{')]);
    expect((await dlq(['dismiss'])).code).toBe(2);
    expect((await dlq(['dismiss', '--device', 'dev-1'])).out).toBe(
      '1 letter dismissed (1 malformed-json).\n',
    );
    expect(jsonLines((await dlq(['dismiss', '0-1', '--json'])).out)).toEqual([
      { dryRun: false, dismissed: 1, reasons: { 'malformed-json': 1 }, interrupted: false },
    ]);
    expect((await dlq(['list', '--json'])).out).toBe('');
  });

  test.each([
    [['list', '--reason', 'bad'], /expected one of malformed-json, /],
    [['list', '--stage', 'kitchen'], /expected one of gateway, telemetry-writer, foreign/],
    [['list', '--since', 'yesterday'], /expected an age such as 30m/],
    [['list', '--limit', '0'], /expected a whole number from 1/],
    [['list', '--since', '1h', '--until', '2h'], /--until: expected a time after --since/],
    [['show'], /missing required argument/],
    [['show', 'x'], /expected the id of a letter/],
    [['replay', '--rate', '0'], /expected a number from 0\.01/],
    [['sell'], /unknown command/],
  ])('[P10] %j is wrong usage: exit code 2', async (argv, message) => {
    const { code, err } = await dlq(argv);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  test('exit codes: no such letter 1, wrong configuration 2, help 0', async () => {
    expect(await dlq(['show', '0-99'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no letter 0-99'),
    });
    expect((await dlq(['list'], { env: { TELEMETRY_RETENTION_HOURS: 'long' } })).code).toBe(2);
    expect((await dlq(['list'], { env: { DATA_DIR: '/nonexistent' } })).code).toBe(2);
    expect(await dlq(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('docs/dead-letters.md'),
    });
  });
});
