import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildMappings, type Mappings } from '#contract/mapping/mappings.ts';
import { buildSchemaRegistry } from '#contract/schema-registry.ts';
import { SeenMessages } from './seen-messages.ts';
import { type Suggestion, suggestMapping } from './suggestion.ts';

const RECEIVED_AT = Date.UTC(2026, 10, 20, 10, 0, 5);
const ROOT = path.join(import.meta.dirname, '..', '..', '..');

function seenOf(messages: readonly (readonly [topic: string, payload: string | Uint8Array])[]): SeenMessages {
  const seen = new SeenMessages();
  for (const [topic, payload] of messages) {
    seen.add({ topic, payload: Buffer.from(payload), client: 'c', receivedAt: RECEIVED_AT, retained: false });
  }
  return seen;
}

/** What `mapping check` would load of the files. */
function load({ mapping, schemas }: Suggestion): Mappings {
  const files = schemas.map(({ type, content }) => ({
    path: type,
    type,
    version: '1',
    content: structuredClone(content),
  }));
  const built = files.length === 0 ? { registry: new Map() } : buildSchemaRegistry(files);
  if (!('registry' in built)) throw new Error(built.problems.join('\n'));
  const content = JSON.parse(JSON.stringify(mapping)) as unknown;
  const mappings = buildMappings([{ path: 'suggested.json', content }], built.registry, 'UTC');
  if (!('mappings' in mappings)) throw new Error(mappings.problems.join('\n'));
  return mappings.mappings;
}

/** The suggestion passes the check, and maps or ignores all that it was made of. */
function suggest(seen: SeenMessages): { readonly suggestion: Suggestion; readonly mappings: Mappings } {
  const suggestion = suggestMapping('suggested', seen.topics(), 'UTC');
  const mappings = load(suggestion);
  for (const { samples } of seen.topics()) {
    for (const sample of samples)
      expect({ ...sample, ...mappings.map(sample) }).toMatchObject({ rejects: [] });
  }
  return { suggestion, mappings };
}

const patterns = ({ rules }: Suggestion): string[] => rules.map(({ topic }) => topic).toSorted();

describe('a suggested mapping', () => {
  it('segments that vary are captures, and the device is one of them', () => {
    const time = '2026-11-20T10:00:00Z';
    const { suggestion, mappings } = suggest(
      seenOf([
        ['plant/a/oven-1/data', JSON.stringify({ time, t: 21.5, on: true, mode: 'eco', none: null })],
        ['plant/b/oven-2/data', JSON.stringify({ time, t: '20', on: false, mode: 'eco' })],
        ['plant/a/oven-1/status', 'online'],
        ['plant/b/oven-2/status', 'offline'],
      ]),
    );
    expect(patterns(suggestion)).toEqual(['plant/{level2}/{level3}/data', 'plant/{level2}/{level3}/status']);
    const payload = Buffer.from(JSON.stringify({ time, t: 3 }));
    const mapped = mappings.map({
      topic: 'plant/c/oven-9/data',
      payload,
      client: 'c',
      receivedAt: RECEIVED_AT,
      retained: false,
    });
    expect(mapped.readings).toMatchObject([
      { device: 'c:oven-9', reading: { ts: Date.parse(time), values: { t: 3 } } },
    ]);
    expect(JSON.stringify(suggestion.mapping)).toContain(
      'UNSURE: the device is {level2} and {level3} of the topic',
    );
    expect(JSON.stringify(suggestion.schemas)).toContain('UNSURE: /t; its meaning, its unit and its bounds');
  });

  it('names of values in the last level become fields', () => {
    const { suggestion, mappings } = suggest(
      seenOf([
        ['site/boiler/flow', '61.5'],
        ['site/boiler/return', '40'],
        ['site/pump/flow', '3'],
        ['site/pump/return', '4'],
      ]),
    );
    expect(patterns(suggestion)).toEqual(['site/{device}/{name}']);
    const message = { topic: 'site/boiler/return', client: 'c', receivedAt: RECEIVED_AT, retained: false };
    expect(mappings.map({ ...message, payload: Buffer.from('41') }).readings).toMatchObject([
      { device: 'boiler', reading: { values: { return: 41 } } },
    ]);
  });

  /** The one rule that is drafted, and the values of the first reading of each message. */
  function drafted(...messages: readonly (readonly [topic: string, payload: string])[]) {
    const { suggestion, mappings } = suggest(seenOf(messages));
    const [rule] = suggestion.mapping['rules'] as [Record<string, unknown>];
    const read = messages.flatMap(([topic, payload]) =>
      mappings
        .map({
          ...{ topic, client: 'c', receivedAt: RECEIVED_AT, retained: false },
          payload: Buffer.from(payload),
        })
        .readings.map(({ device, reading }) => ({ device, ts: reading.ts, values: reading.values })),
    );
    return { rule, read, units: JSON.stringify(suggestion.schemas).match(/"x-unit":"[^"]*"/g) };
  }

  it.each([
    [
      'a time by its value, whatever it is called',
      '{"hdr":{"sampled":1795168800},"t":1}',
      { at: '/hdr/sampled', format: 's' },
    ],
    ['in milliseconds, as a text', '{"w":"1795168800000","t":1}', { at: '/w', format: 'ms' }],
    [
      'the one that is called so, before another',
      '{"boot":1795168000,"time":1795168800,"t":1}',
      { at: '/time', format: 's' },
    ],
    [
      'with the day first',
      '{"when":"20.11.2026 10:00:00","t":1}',
      { at: '/when', format: 'dd.MM.yyyy HH:mm:ss', zone: 'site' },
    ],
    [
      'with the month first',
      '{"when":"11/20/2026 10:00:00","t":1}',
      { at: '/when', format: 'MM/dd/yyyy HH:mm:ss', zone: 'site' },
    ],
    [
      'without separators',
      '{"when":"20261120100000","t":1}',
      { at: '/when', format: 'yyyyMMddHHmmss', zone: 'site' },
    ],
  ])('%s', (_, payload, ts) => {
    const { rule, read } = drafted(['plant/oven-1/data', payload]);
    expect(rule['ts']).toEqual({ ...ts, else: 'received' });
    expect(read.map((one) => one.ts)).toEqual([Date.UTC(2026, 10, 20, 10)]);
  });

  it('a number that is no time of these days is a value', () => {
    const { rule, read } = drafted(['plant/oven-1/data', '{"total":1695168800,"t":1}']);
    expect(rule['ts']).toBe('received');
    expect(read).toMatchObject([{ values: { total: 1_695_168_800, t: 1 } }]);
  });

  it('lists of names and values are fields, with the units that stand behind the numbers', () => {
    const list = '[{"id":"T1","val":"21.8 °C"},{"id":"P2","val":"1.93bar"},{"id":"S","val":"on"}]';
    const { rule, read, units } = drafted(['a/b/pump-1', `{"sensors":${list},"hours":7}`]);
    expect(rule['named']).toMatchObject({ in: '/sensors', name: '/id', value: '/val' });
    expect(read).toMatchObject([{ values: { t1: 21.8, p2: 1.93, s: true, hours: 7 } }]);
    expect(units).toEqual(['"x-unit":"?"', '"x-unit":"°C"', '"x-unit":"bar"']);
    const root = drafted(['a/b/pump-1', '[{"name":"u","value":"1.5"},{"name":"i","value":2}]']);
    expect(root.read).toMatchObject([{ device: 'pump-1', values: { u: 1.5, i: 2 } }]);
  });

  it('devices within an object: in a list, or by their keys; the time may stand around them', () => {
    const around = '"gw":"g1","sent":1795168800';
    const listed = drafted([
      'gw/g1/ble',
      `{${around},"devs":[{"mac":"AA","rssi":-60},{"mac":"BB","rssi":-70}]}`,
    ]);
    expect(listed.read).toEqual([
      { device: 'AA', ts: 1_795_168_800_000, values: { rssi: -60 } },
      { device: 'BB', ts: 1_795_168_800_000, values: { rssi: -70 } },
    ]);
    const keyed = drafted(['gw/g1/all', `{${around},"devices":{"d1":{"t":1,"h":2},"d2":{"t":3,"h":4}}}`]);
    expect(keyed.read).toEqual([
      { device: 'd1', ts: 1_795_168_800_000, values: { t: 1, h: 2 } },
      { device: 'd2', ts: 1_795_168_800_000, values: { t: 3, h: 4 } },
    ]);
  });

  it('a list beside values of the message is left out, and said so', () => {
    const { rule, read } = drafted(['a/b/pump-1', '{"t":1.5,"errors":[{"number":7,"at":"x"}]}']);
    expect(read).toMatchObject([{ values: { t: 1.5 } }]);
    expect(rule['note']).toContain('UNSURE: /errors is a list of objects, and left out');
  });

  it('numbers in one text; units in texts and names', () => {
    expect(drafted(['a/b/x-1', '21.5;55;1013']).read).toMatchObject([
      { values: { value0: 21.5, value1: 55, value2: 1013 } },
    ]);
    // A decimal comma, not two numbers.
    expect(drafted(['a/b/x-1', '21,5']).read).toMatchObject([{ values: { value: '21,5' } }]);
    const { read, units } = drafted(['a/b/x-1', '{"Power_kW":"3.2","Energy[kWh]":1,"temp °C":2,"n":3}']);
    expect(read).toMatchObject([{ values: { powerKW: 3.2, energyKWh: 1 } }]);
    expect(units).toEqual(['"x-unit":"kW"', '"x-unit":"kWh"', '"x-unit":"°C"', '"x-unit":"?"']);
  });

  it('each name in the last level has a kind of its own', () => {
    const { mappings } = suggest(
      seenOf([
        ['site/boiler/flow', '61.5'],
        ['site/boiler/burner', 'on'],
        ['site/pump/flow', '3'],
        ['site/pump/burner', 'off'],
      ]),
    );
    const message = { topic: 'site/boiler/burner', client: 'c', receivedAt: RECEIVED_AT, retained: false };
    expect(mappings.map({ ...message, payload: Buffer.from('on') }).readings).toMatchObject([
      { device: 'boiler', reading: { values: { burner: true } } },
    ]);
  });

  it('payloads that have only a time in common are not alike', () => {
    const { suggestion } = suggest(
      seenOf([
        ['a/one/x', '{"ts":1795168800,"t":1}'],
        ['a/two/y', '{"ts":1795168800,"state":"on"}'],
      ]),
    );
    expect(suggestion.rules).toHaveLength(2);
  });

  it('lists, keyed objects, line protocol, a device in the payload', () => {
    const devices = (topic: string, payload: string): string[] => {
      const { mappings } = suggest(seenOf([[topic, payload]]));
      const message = {
        topic,
        payload: Buffer.from(payload),
        client: 'c',
        receivedAt: RECEIVED_AT,
        retained: false,
      };
      return mappings.map(message).readings.map(({ device }) => device);
    };
    expect(devices('gateway', '{"a b":{"t":1},"c":{"t":2}}')).toEqual(['a-b', 'c']);
    expect(devices('uplinks', '[{"mac":"01","t":1},{"mac":"02","t":2}]')).toEqual(['01', '02']);
    expect(devices('metrics', 'weather,host=x t=1,h=2i 1795168800000000000\n')).toHaveLength(1);
    expect(devices('tele/boiler7/SENSOR', '{"t":1}')).toEqual(['boiler7']);
  });

  it('[P10] every message from the field: the check passes, and nothing of it is refused', () => {
    const lines = readFileSync(path.join(ROOT, 'tests', 'mapping', 'field-messages.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const seen = new SeenMessages();
    for (const line of lines) {
      const { topic, payload = '', payload_b64: base64, client, receivedAt } = JSON.parse(line);
      const bytes = base64 === undefined ? Buffer.from(payload) : Buffer.from(base64, 'base64');
      seen.add({ topic, payload: bytes, client, receivedAt, retained: false });
    }
    const { suggestion } = suggest(seen);
    // Not all of it ignored.
    expect(suggestion.rules.filter(({ type }) => type !== null).length).toBeGreaterThan(
      suggestion.rules.length / 2,
    );
  });

  it('[P10] whatever is sent', () => {
    const word = fc.oneof(
      fc.constantFrom('a', 'b', '', '$SYS', '{x}', '+', 'ü', '__proto__', 'constructor'),
      fc.string({ maxLength: 4 }),
    );
    const topic = fc
      .array(word, { minLength: 1, maxLength: 5 })
      .map((levels) => levels.join('/'))
      .filter((text) => text !== '');
    const payload = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
      fc.constantFrom(
        '',
        'nan',
        '1e999',
        '{"__proto__":{"a":1}}',
        '['.repeat(1_000),
        `[${'0,'.repeat(5_000)}0]`,
        'm f=1',
        '9'.repeat(30),
      ),
      fc.uint8Array({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(topic, payload), { minLength: 1, maxLength: 12 }), (messages) => {
        const seen = seenOf(messages);
        fc.pre(seen.topics().length > 0);
        suggest(seen);
      }),
      { numRuns: 40 },
    );
  });

  it('[P10] a level in braces is no capture', () => {
    const { suggestion } = suggest(
      seenOf([
        ['/a/', '['.repeat(50)],
        ['{x}/a/', '[{"b":false}]'],
      ]),
    );
    expect(patterns(suggestion)).toEqual(['/{device}/']);
  });

  it('[P10] what it remembers is bounded, and what it leaves out is counted', () => {
    const seen = new SeenMessages();
    const send = (topic: string, payload: Uint8Array) =>
      seen.add({ topic, payload, client: 'c', receivedAt: RECEIVED_AT, retained: false });
    for (let index = 0; index < 5_000; index++) send(`t/${index}`, Buffer.from('1'));
    for (let index = 0; index < 100; index++) send('t/0', Buffer.from(String(index)));
    send('t/0/x', Buffer.alloc(70_000));
    send('x'.repeat(300), Buffer.from('1'));
    expect(seen.topics().length).toBe(2_000);
    expect(seen.topics()[0]?.samples.length).toBe(4);
    expect(seen.leftOut).toBe(3_002);
    expect(suggest(seen).suggestion.rules).toHaveLength(1);
  });
});
