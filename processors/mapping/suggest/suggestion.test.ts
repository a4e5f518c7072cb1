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
