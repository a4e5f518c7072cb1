import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MappedMessage, Mappings } from '#contract/mapping/mappings.ts';
import { buildMappings } from '#contract/mapping/mappings.ts';
import { buildSchemaRegistry } from '#contract/schema-registry.ts';
import { SHIPPED_MAPPINGS, shippedMappingNames } from '#runtime/load-contract.ts';
import { readJson, readSchemaFiles } from '#runtime/load-schemas.ts';

/** A message as it was documented or seen in the field, with the readings that it must become. */
interface FieldMessage {
  readonly id: string;
  readonly topic: string;
  readonly payload?: string;
  readonly payload_b64?: string;
  readonly client: string;
  readonly receivedAt: number;
  /** Zone of the site. */
  readonly zone?: string;
  readonly expect: 'ignore' | 'reject' | readonly ExpectedReading[];
  /** Why it is rejected. */
  readonly reason?: string;
}

interface ExpectedReading {
  readonly device: string;
  readonly as: string;
  readonly ts: number | 'received';
  readonly values: Readonly<Record<string, unknown>>;
}

/** What mappings leave out: it belongs into the sender, the network server's codec or Node-RED. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'sparkplug-ddata-alias': 'protobuf whose names were told in another message',
};

const FOLDER = import.meta.dirname;
const linesOf = (file: string) =>
  readFileSync(path.join(FOLDER, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FieldMessage);
const messages = linesOf('field-messages.jsonl');
/** What the firmware of the shipped mappings' devices sends besides: other sensors, versions, settings, and faults. */
const vendorMessages = linesOf('vendor-messages.jsonl');

const byZone = new Map<string, Mappings[]>();

/**
 * The shipped mappings, all at once, and those for the other messages. Telegraf's line protocol stands alone, since it
 * has the topics of its JSON.
 */
function mappingsFor(zone: string): Mappings[] {
  const known = byZone.get(zone);
  if (known !== undefined) return known;
  const problems: string[] = [];
  const shipped = shippedMappingNames().filter((name) => name !== 'telegraf-influx');
  const own = readSchemaFiles(path.join(FOLDER, 'types'), problems);
  const types = readSchemaFiles(path.join(SHIPPED_MAPPINGS, 'types'), problems).filter(
    ({ type }) => !own.some((other) => other.type === type),
  );
  const built = buildSchemaRegistry([...own, ...types]);
  if (!('registry' in built)) throw new Error(built.problems.join('\n'));
  const compiled = [
    [...shipped.map((name) => path.join(SHIPPED_MAPPINGS, `${name}.json`))],
    [path.join(SHIPPED_MAPPINGS, 'telegraf-influx.json')],
    [path.join(FOLDER, 'field.json')],
  ].map((files) => {
    const contents = files.map((file) => ({ path: file, content: readJson(file, problems) }));
    const mapped = buildMappings(contents, built.registry, zone);
    if (!('mappings' in mapped)) throw new Error(mapped.problems.join('\n'));
    return mapped.mappings;
  });
  expect(problems).toEqual([]);
  byZone.set(zone, compiled);
  return compiled;
}

function map(message: FieldMessage): MappedMessage {
  const { topic, client, receivedAt, payload, payload_b64: base64 } = message;
  const bytes = base64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(base64, 'base64');
  const [shipped, lineProtocol, others] = mappingsFor(message.zone ?? 'UTC');
  const mappings = [message.id === 'telegraf-line' ? lineProtocol : shipped, others].find((it) =>
    it?.knows(topic),
  );
  if (mappings === undefined) throw new Error(`no rule for ${topic}`);
  return mappings.map({ topic, payload: bytes, client, receivedAt, retained: false });
}

describe('messages from the field', () => {
  it.each([...messages.filter(({ id }) => !(id in LEFT_OUT)), ...vendorMessages])('$id', (message) => {
    const { readings, rejects, ignored } = map(message);
    if (message.expect === 'ignore') {
      expect({ ignored: ignored !== undefined, readings, rejects }).toEqual({
        ignored: true,
        readings: [],
        rejects: [],
      });
      return;
    }
    if (message.expect === 'reject') {
      expect(readings).toEqual([]);
      expect(rejects.map(({ reason }) => reason)).toEqual([message.reason]);
      return;
    }
    expect(rejects).toEqual([]);
    expect(
      readings.map(({ device, reading }) => ({
        device,
        as: reading.schema.split('/')[0],
        ts: reading.ts,
        values: reading.values,
      })),
    ).toEqual(
      message.expect.map((expected) => ({
        ...expected,
        ts: expected.ts === 'received' ? message.receivedAt : expected.ts,
      })),
    );
  });

  it('leaves out only what it says', () => {
    const ids = new Set(messages.map(({ id }) => id));
    expect(Object.keys(LEFT_OUT).filter((id) => !ids.has(id))).toEqual([]);
    expect(messages.length).toBe(101);
    expect(new Set([...messages, ...vendorMessages].map(({ id }) => id)).size).toBe(
      messages.length + vendorMessages.length,
    );
  });
});
