import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import {
  mapOne,
  mappingsOf,
  mapWith,
  PUMP_SCHEMAS,
  problemsOf,
  RECEIVED_AT,
  rule,
  valuesOf,
} from '#contract/mapping/testing/map-one.ts';
import { buildMappings } from './mappings.ts';

const named = (members: object) => ({ values: undefined, named: members });

function detailOf(mapped: ReturnType<typeof mapOne>): unknown {
  return mapped.rejects.map(({ reason, detail, path }) => [reason, path, detail]);
}

describe('mapping a message', () => {
  it('makes a reading in our own format, and says by which rule', () => {
    const mapped = mapOne({ topic: 'x/{id}', device: '{id}' }, { f: '1.5' }, 'x/p7');
    expect(mapped.readings).toEqual([
      {
        device: 'p7',
        reading: { schema: 'pump/1', ts: RECEIVED_AT, values: { flow: 1.5 } },
        json: `{"schema":"pump/1","ts":${RECEIVED_AT},"values":{"flow":1.5}}`,
        bytes: 60,
        path: '',
      },
    ]);
    expect(mapped.rule).toEqual({ source: 'test', topic: 'x/{id}' });
  });

  it('no rule, no reading', () => {
    expect(detailOf(mapWith(mappingsOf(rule({})), {}, 'other'))).toEqual([
      ['unmapped-topic', undefined, expect.anything()],
    ]);
  });

  it('a rule may stand for several topics; what is wrong with it is told once', () => {
    const members = { topic: ['a/{id}', '{id}/a/+'], device: '{id}' };
    const mappings = mappingsOf(rule(members));
    expect(mapWith(mappings, { f: 1 }, 'a/x').readings[0]?.device).toBe('x');
    expect(mapWith(mappings, { f: 1 }, 'y/a/b')).toMatchObject({
      readings: [{ device: 'y' }],
      rule: { topic: '{id}/a/+' },
    });
    const faulty = { source: 'x', rules: [rule({ ...members, ts: 'now' })] };
    expect(problemsOf(faulty)).toEqual([expect.stringContaining('/rules/0/ts (rule a/{id}): ')]);
    expect(problemsOf({ source: 'x', rules: [rule({ topic: [] })] })[0]).toContain('a list of those');
    expect(problemsOf({ source: 'x', rules: [rule({ topic: ['a', 5] })] })[0]).toContain(
      'must be a topic pattern',
    );
  });

  it('[P10] tells how many elements were looked at, which is what a message costs, and bounds the readings that look', () => {
    const look = { topic: 't', as: 'pump/1', each: '', device: 'p', ts: 'received', values: { flow: '/f' } };
    const { topic: _, ...reading } = look;
    const mapped = mapWith(mappingsOf({ topic: 't', readings: [reading, reading] }), [1, 2, { f: 3 }]);
    expect(mapped.visited).toBe(6);
    expect(problemsOf({ source: 'x', rules: [{ topic: 't', readings: Array(65).fill(reading) }] })).toEqual([
      expect.stringContaining('must be at most 64'),
    ]);
    const first = { flow: { first: Array(17).fill('/f') } };
    expect(problemsOf({ source: 'x', rules: [rule({ values: first })] })[0]).toContain('2 to 16 sources');
  });

  it('{count} tells a message of one element from one of several, so that both can be called differently', () => {
    const sensors = { in: '', when: { '/t': { type: ['number', 'null'] } } };
    const reading = (when: object, device: unknown) => ({
      as: 'pump/1',
      each: sensors,
      when,
      device,
      ts: 'received',
      values: { flow: '/t' },
    });
    const mappings = mappingsOf({
      topic: 't',
      readings: [
        reading({ '{count}': 1 }, 'p'),
        reading({ '{count}': { not: 1 } }, { join: ['p', '{key}'], with: ':' }),
      ],
    });
    const devices = (payload: object) => mapWith(mappings, payload).readings.map(({ device }) => device);
    expect(devices({ a: { t: 1 }, other: 5 })).toEqual(['p']);
    expect(devices({ a: { t: 1 }, b: { t: 2 } })).toEqual(['p:a', 'p:b']);
    // A sensor that fails for a moment changes nobody's name.
    expect(devices({ a: { t: 1 }, b: { t: null } })).toEqual(['p:a']);
    const counted = { each: { in: '', when: { '{count}': 1 } }, values: { flow: '/t' } };
    expect(problemsOf({ source: 'x', rules: [rule(counted)] })[0]).toContain('{count} is what counts');
    expect(problemsOf({ source: 'x', rules: [rule({ when: { '{count}': 1 } })] })[0]).toContain(
      'needs "each"',
    );
  });

  it('all readings of a rule that apply are made', () => {
    const reading = (when: object, field: string) => ({
      as: 'pump/1',
      device: 'p',
      ts: 'received',
      when,
      values: { [field]: '/v' },
    });
    const mappings = mappingsOf({
      topic: 't',
      readings: [
        reading({ '/k': 'a' }, 'flow'),
        reading({ '/k': { not: 'z' } }, 'starts'),
        reading({ '/k': 'b' }, 'mode'),
      ],
    });
    expect(mapWith(mappings, { k: 'a', v: 3 }).readings.map(({ reading: { values } }) => values)).toEqual([
      { flow: 3 },
      { starts: 3 },
    ]);
  });

  it('each goes through arrays and objects, level by level, and looks up', () => {
    const mapped = mapOne(
      {
        each: ['/groups', { in: '/list', when: { '/ok': true } }],
        device: { join: ['{^key}', '{key}'], with: ':' },
        values: { flow: '/v', mode: '^/name', starts: '^^/n' },
      },
      {
        n: 7,
        groups: {
          a: {
            name: 'A',
            list: [
              { ok: true, v: 1 },
              { ok: false, v: 2 },
            ],
          },
          b: { name: 'B', list: { x: { ok: true, v: 3 } } },
          c: 5,
        },
      },
    );
    expect(mapped.readings.map(({ device, reading }) => [device, reading.values])).toEqual([
      ['a:0', { flow: 1, mode: 'A', starts: 7 }],
      ['b:x', { flow: 3, mode: 'B', starts: 7 }],
    ]);
  });

  it('each goes through the parts of a text', () => {
    const mapped = mapOne(
      { payload: { split: '#' }, each: '', values: { flow: { at: '', split: '|', index: 1 } } },
      'a|1#a|2',
    );
    expect(mapped.readings.map(({ reading }) => reading.values)).toEqual([{ flow: 1 }, { flow: 2 }]);
  });

  it('names in the topic, in keys, and in lists', () => {
    const fields = { Flow: 'flow', Starts: { as: 'starts', over: 10 }, Mode: 'mode' };
    expect(
      valuesOf(
        mapOne({ topic: 'x/{n}', payload: 'text', ...named({ name: '{n}', fields }) }, '20', 'x/Starts'),
      ),
    ).toEqual({ starts: 2 });
    expect(valuesOf(mapOne(named({ in: '', fields }), { Flow: 1, Mode: 'x', Other: 5 }))).toEqual({
      flow: 1,
      mode: 'x',
    });
    expect(
      valuesOf(
        mapOne(named({ in: '/l', name: '/n', value: '/v', fields }), {
          l: [
            { n: 'Flow', v: 1 },
            { n: 'Mode', error: 5 },
          ],
        }),
      ),
    ).toEqual({ flow: 1 });
    expect(
      valuesOf(
        mapOne(named({ in: '', fields: { '*': true, f: 'flow' } }), {
          mode: 'm',
          valueOf: 2,
          f: 1,
          constructor: 3,
        }),
      ),
    ).toEqual({ mode: 'm', valueOf: 2, flow: 1 });
    expect(mapOne(named({ in: '', fields }), { Flow: 1, Other: 5, More: 6 }).skippedNames).toBe(2);
  });

  it('two ids beyond 2^53 stay two devices, and two texts', () => {
    const ids = ['9007199254740993', '9007199254740992', '11529215046068469760'];
    for (const id of ids) {
      const { readings } = mapOne({ device: '/id', values: { mode: '/id' } }, `{"id":${id}}`);
      expect(readings).toMatchObject([{ device: id, reading: { values: { mode: id } } }]);
      expect(mapOne({ device: { join: ['m', '/id'] } }, `{"id":${id},"f":1}`).readings[0]?.device).toBe(
        `m${id}`,
      );
    }
    expect(valuesOf(mapOne({ values: { starts: '/n' } }, '{"n":9007199254740991}'))).toEqual({
      starts: Number.MAX_SAFE_INTEGER,
    });
    expect(mapOne({ values: { starts: '/n' } }, '{"n":9007199254740993}').rejects).toHaveLength(1);
  });

  it('takes no offence at a byte order mark', () => {
    expect(valuesOf(mapOne({}, '\ufeff{"f":5}'))).toEqual({ flow: 5 });
    expect(valuesOf(mapOne({ payload: 'text', values: { flow: '' } }, '\ufeff5'))).toEqual({ flow: 5 });
  });

  it('columns beside each other, and rows below their head', () => {
    const columns = { t: [10, 20], f: [1, null], m: { 0: 'a', 1: 'b' } };
    const values = { flow: { at: '^/f', index: '{key}' }, mode: { at: '^/m', index: '{key}' } };
    expect(mapOne({ each: '/t', values }, columns).readings.map(({ reading }) => reading.values)).toEqual([
      { flow: 1, mode: 'a' },
      { mode: 'b' },
    ]);
    const rows = {
      head: ['flow', 'starts'],
      rows: [
        [1, 2],
        [3, 4],
      ],
    };
    const name = { at: '^^/head', index: '{key}' };
    const table = { each: '/rows', ...named({ in: '', name, fields: { '*': true } }) };
    expect(mapOne(table, rows).readings.map(({ reading }) => reading.values)).toEqual([
      { flow: 1, starts: 2 },
      { flow: 3, starts: 4 },
    ]);
  });

  it('unwraps JSON that stands in a text', () => {
    const unwrap = ['/o', '/o/p'];
    expect(valuesOf(mapOne({ unwrap, values: { flow: '/o/p/f' } }, { o: '{"p":"{\\"f\\":5}"}' }))).toEqual({
      flow: 5,
    });
    expect(
      valuesOf(
        mapOne({ unwrap: ['', '/o'], values: { flow: '/o/f' } }, '"{\\"o\\":\\"{\\\\\\"f\\\\\\":5}\\"}"'),
      ),
    ).toEqual({ flow: 5 });
    expect(detailOf(mapOne({ unwrap: ['/o'] }, { o: '{' }))).toEqual([
      ['mapping-failed', '/o', { errors: [{ path: '/o', message: expect.stringContaining('JSON') }] }],
    ]);
    expect(detailOf(mapOne({ unwrap: ['/__proto__'] }, '{"__proto__":"{\\"f\\":1}"}'))).toEqual([
      ['mapping-failed', undefined, expect.anything()],
    ]);
  });

  it('what is ignored, and why', () => {
    const ignoredBy = (members: object, payload: unknown, topic = 't') => {
      const { ignored, readings, rejects } = mapWith(mappingsOf(members), payload, topic);
      return [ignored, readings.length + rejects.length];
    };
    expect(ignoredBy({ topic: 'a/#', ignore: true }, Buffer.from([0xff]), 'a/b')).toEqual(['topic', 0]);
    expect(ignoredBy(rule({ blank: 'ignore' }), '')).toEqual(['blank', 0]);
    expect(ignoredBy(rule({}), '')).toEqual([undefined, 1]);
    expect(ignoredBy(rule({ empty: 'ignore' }), { f: null })).toEqual(['empty', 0]);
    expect(ignoredBy(rule({}), { f: null })).toEqual([undefined, 1]);
    const withoutData = rule({ empty: { ignore: { '/data': { exists: false } } } });
    expect(ignoredBy(withoutData, { port: 0 })).toEqual(['empty', 0]);
    expect(ignoredBy(withoutData, { data: 'qg==' })).toEqual([undefined, 1]);
    const retained = mappingsOf(rule({ retained: 'ignore' }));
    const message = {
      topic: 't',
      payload: Buffer.from('{"f":1}'),
      client: 'c',
      receivedAt: 1,
      retained: true,
    };
    expect(retained.map(message).ignored).toBe('retained');
  });

  it('[P5] a bad element harms only itself, and is told with its place', () => {
    const mapped = mapOne(
      { each: '/l', device: '/d', ts: { at: '/t', format: 'ms' }, values: { flow: '/f', on: '/o' } },
      {
        l: [
          { d: 'a', t: RECEIVED_AT, f: 1 },
          { d: 'b', t: RECEIVED_AT, f: 'hot', o: 'maybe' },
          { d: 'c d', t: RECEIVED_AT, f: 1 },
          { d: 'e', f: 1 },
          { d: 'f', t: RECEIVED_AT, f: 5000 },
          { d: 'g', t: 5, f: 1 },
          { d: 'h', t: RECEIVED_AT, f: 2 },
        ],
      },
    );
    expect(mapped.readings.map(({ device }) => device)).toEqual(['a', 'h']);
    expect(detailOf(mapped)).toEqual([
      [
        'mapping-failed',
        '/l/1',
        {
          errors: [
            { path: '/l/1/f', message: 'must be a number (flow)' },
            { path: '/l/1/o', message: expect.stringContaining('(on)') },
          ],
        },
      ],
      [
        'mapping-failed',
        '/l/2',
        { errors: [{ path: '/l/2/d', message: expect.stringContaining('device id') }] },
      ],
      [
        'mapping-failed',
        '/l/3',
        { errors: [{ path: '/l/3/t', message: expect.stringContaining('time is missing') }] },
      ],
      ['schema-violation', '/l/4', { errors: [{ path: '/l/4/f', message: 'must be <= 1000 (flow)' }] }],
      [
        'timestamp-out-of-range',
        '/l/5',
        expect.objectContaining({ errors: [{ path: '/l/5/t', message: expect.any(String) }] }),
      ],
    ]);
    expect(mapped.rejects.map(({ device }) => device)).toEqual(['b', undefined, 'e', 'f', 'g']);
  });

  it('a verdict about a named value is told with its place, too', () => {
    const mapped = mapOne(named({ in: '/l', name: '/n', value: '/v', fields: { F: 'flow' } }), {
      l: [{ n: 'F', v: 5000 }],
    });
    expect(detailOf(mapped)).toEqual([
      ['schema-violation', '', { errors: [{ path: '/l/0/v', message: 'must be <= 1000 (flow)' }] }],
    ]);
  });

  it('[P10] what it makes of a message is bounded, in count and in bytes', () => {
    const list = (count: number, element: unknown) =>
      JSON.stringify({ t: 'x'.repeat(1_000), l: Array(count).fill(element) });
    const each = '/l';
    expect(detailOf(mapOne({ each, values: { flow: '' } }, list(LIMITS.mappedReadings, 1)))).toEqual([]);
    expect(detailOf(mapOne({ each, values: { flow: '' } }, list(LIMITS.mappedReadings + 1, 1)))).toEqual([
      ['too-many-readings', undefined, expect.anything()],
    ]);
    expect(detailOf(mapOne({ each, values: { flow: '' } }, list(LIMITS.mappedReadings + 1, 'x')))).toEqual([
      ['too-many-readings', undefined, expect.anything()],
    ]);
    expect(detailOf(mapOne({ each, values: { mode: '^/t' } }, list(1_500, 1)))).toEqual([
      [
        'mapping-failed',
        undefined,
        { errors: [{ path: '', message: expect.stringContaining('bytes of readings') }] },
      ],
    ]);
    expect(detailOf(mapOne({}, ' '.repeat(LIMITS.payloadBytes + 1)))).toEqual([
      ['payload-too-large', undefined, expect.anything()],
    ]);
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '{"f":nan}', 'malformed-json'],
    ['no UTF-8', Buffer.from([0x7b, 0xff]), 'not-utf8'],
    ['another shape', '[[[]]]', 'mapping-failed'],
    ['60,000 levels', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'mapping-failed'],
    ['only a prototype', '{"__proto__":{"f":1}}', 'mapping-failed'],
  ])('[P10] %s is refused', (_name, payload, reason) => {
    expect(mapOne({}, payload).rejects.map((it) => it.reason)).toEqual([reason]);
  });

  it('takes nanoseconds from the text', () => {
    const ts = { at: '/t', format: 'ns' };
    const mapped = mapOne({ ts }, '{"f":12,"t":1795168805000000000}');
    expect(mapped.readings.map(({ reading }) => reading.ts)).toEqual([1795168805000]);
  });
});

describe('mapping files', () => {
  it('[P10] everything that is wrong is told at once, with file, rule and place', () => {
    expect(
      problemsOf(
        {
          source: 'A b',
          rulez: [],
          rules: [
            rule({
              topic: 'a/{x}',
              as: 'pump/9',
              ts: 'now',
              values: { flow: 'f' },
              payload: 'xml',
              retained: true,
            }),
            rule({ topic: 'b/{x', values: { flows: '/f' } }),
            rule({
              topic: 'b/{x}/~',
              values: { flows: '/f' },
              when: { '/a': { exist: true } },
              named: { in: '^', fields: {} },
            }),
            { topic: 'c', ignore: true, as: 'pump/1' },
            { topic: 'd' },
            { topic: 'e', readings: [], as: 'pump/1' },
            { topic: 'f', readings: [rule({})] },
            rule({ topic: 'g', each: '^/x' }),
            rule({ topic: 'h', as: 'strict/1', values: { mode: '/m' }, empty: true }),
            5,
          ],
          examples: [{ topic: 't', payload: 1, expect: 'maybe' }],
        },
        5,
      ),
    ).toMatchInlineSnapshot(`
      [
        "0.json: /rulez: unknown property (known here: source, description, rules, examples)",
        "0.json: /source: must be a name: a–z, 0–9 and -, beginning with a letter",
        "0.json: /rules/0/retained (rule a/{x}): must be "ignore", or be left out",
        "0.json: /rules/0/payload (rule a/{x}): must be "json", "text", "line-protocol" or {"split": ","}",
        "0.json: /rules/0/as (rule a/{x}): there is no schema "pump/9"",
        "0.json: /rules/0/ts (rule a/{x}): must be an object with at, format, zone, else, plus",
        "0.json: /rules/1/topic (rule b/{x): level 2 ({x): a brace without its other half",
        "0.json: /rules/2/when/~1a/exist (rule b/{x}/~): unknown property (known here: exists, has, not, type, like, same, least)",
        "0.json: /rules/2/values/flows (rule b/{x}/~): pump/1 has no field "flows" (it has flow, starts, on, mode, valueOf)",
        "0.json: /rules/2/named/in (rule b/{x}/~): there is no level above",
        "0.json: /rules/3 (rule c): "ignore": true swallows everything, so as would mean nothing",
        "0.json: /rules/4 (rule d): must have a reading, "readings" or "ignore": true",
        "0.json: /rules/5 (rule e): has "readings", so as must stand in one of them",
        "0.json: /rules/5/readings (rule e): must be a list that is not empty",
        "0.json: /rules/6/readings/0/topic (rule f): unknown property (known here: as, device, ts, each, when, values, named)",
        "0.json: /rules/7/each (rule g): there is no level above",
        "0.json: /rules/8 (rule h): strict/1 requires "flow", which is mapped from nowhere",
        "0.json: /rules/8/empty (rule h): must be "ignore", {"ignore": …} with a condition, or be left out",
        "0.json: /rules/9: must be an object with topic, note, ignore, blank, empty, retained, payload, unwrap, readings, as, device, ts, each, when, values, named",
        "0.json: /examples/0/expect: must be a list of readings, "ignore" or "reject"",
        "1.json: /: must be an object with source, description, rules, examples",
        "1.json: /source: must be a name: a–z, 0–9 and -, beginning with a letter",
        "1.json: /rules: must be a list that is not empty",
      ]
    `);
  });

  it('[P10] patterns of which it is not clear whose a topic is, over all files', () => {
    const file = (source: string, topic: string) => ({ source, rules: [rule({ topic })] });
    expect(problemsOf(file('one', 'a/{x}'), file('two', 'a/{y}'))).toEqual([
      '1.json: /rules/0/topic (rule a/{y}): it is not clear which topics are for this rule and which for one: a/{x}',
    ]);
    expect(problemsOf(file('one', 'a/{x}'), file('one', 'b/{y}'))).toEqual([
      '1.json: /source: 0.json is called one, too',
    ]);
    expect(problemsOf(file('one', 'devices/{x}/telemetry'))).toEqual([
      expect.stringContaining("the pipeline's own devices"),
    ]);
    expect(problemsOf(file('one', 'devices/p-{x}/telemetry'))).toEqual([
      expect.stringContaining("the pipeline's own devices"),
    ]);
    expect(problemsOf(file('one', 'devices/{x}/{y}'), file('two', '#'))).toEqual([]);
  });

  it('two files may swallow the same topics, since nothing depends on which of them does', () => {
    const swallowing = (source: string) => ({
      source,
      rules: [rule({ topic: `${source}/x` }), { topic: 'homeassistant/#', ignore: true }],
    });
    expect(problemsOf(swallowing('one'), swallowing('two'))).toEqual([]);
    const taking = { source: 'three', rules: [rule({ topic: 'homeassistant/#' })] };
    expect(problemsOf(swallowing('one'), taking)).toEqual([expect.stringContaining('it is not clear')]);
  });

  it('[P10] an example that gives something else than it says is an error with its place', () => {
    const examples = [
      {
        topic: 't',
        payload: { f: 1 },
        expect: [{ device: 'p', as: 'pump', ts: 'received', values: { flow: 1 } }],
      },
      { topic: 't', payload: { f: 1 }, expect: [{ device: 'p', values: { flow: 2 } }] },
      { topic: 't', payload: { f: 1 }, expect: 'ignore' },
      { topic: 't', payload: 'x', expect: [{ device: 'p', values: { flow: 2 } }] },
      { topic: 'u', payload: 'x', expect: 'reject' },
      { topic: 't', payload: { f: 1 }, client: 5, expect: 'ignore' },
    ];
    const wrong = problemsOf({ source: 's', rules: [rule({})], examples: examples.slice(0, 5) });
    expect(wrong.map((line) => line.slice(0, 20))).toEqual([
      '0.json: /examples/1:',
      '0.json: /examples/2:',
      '0.json: /examples/3:',
    ]);
    expect(wrong[0]).toContain('{"flow":1}');
    expect(problemsOf({ source: 's', rules: [rule({})], examples })).toEqual([
      '0.json: /examples/5/client: must be a client id',
    ]);
  });

  it('[P10] a rule that looks at more than an element of a message may cost', () => {
    const tests = (count: number) => Array.from({ length: count }, (_, at) => ({ [`/${at}`]: 1 }));
    expect(problemsOf({ source: 's', rules: [rule({ when: tests(490) })] })).toEqual([]);
    const nested = (depth: number): unknown =>
      depth === 0 ? '/f' : { first: Array.from({ length: 16 }, () => nested(depth - 1)) };
    for (const members of [
      { when: tests(1_000) },
      { values: { flow: nested(3) } },
      { when: { '': { has: Array.from({ length: 1_000 }, (_, at) => `${at}`) } } },
      { when: { '': { like: Array.from({ length: 1_000 }, (_, at) => `${at}*`) } } },
    ]) {
      expect(problemsOf({ source: 's', rules: [rule(members)] })).toEqual([
        expect.stringMatching(/^0\.json: \/rules\/0 \(rule t\): looks at \d+ places and patterns/),
      ]);
    }
  });

  it('an example is tried by the rules of its own file: a more literal one of another may have its topic', () => {
    const shipped = {
      source: 'shipped',
      rules: [rule({ topic: 'tele/{x}/SENSOR' })],
      examples: [
        { topic: 'tele/boiler/SENSOR', payload: { f: 1 }, expect: [{ device: 'p', values: { flow: 1 } }] },
      ],
    };
    const own = { source: 'own', rules: [rule({ topic: 'tele/boiler/SENSOR', values: { flow: '/other' } })] };
    expect(problemsOf(shipped, own)).toEqual([]);
  });

  it('takes hostile files for what they are', () => {
    for (const content of [
      null,
      [],
      'x',
      { source: 's', rules: [null, [], 'x', { topic: 5 }, { topic: [] }] },
    ]) {
      const built = buildMappings([{ path: 'x.json', content }], PUMP_SCHEMAS, 'UTC');
      expect('problems' in built && built.problems.length > 0).toBe(true);
    }
  });
});
