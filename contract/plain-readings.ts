import { ReadingScanner, skipSpace } from '#contract/reading-scanner.ts';
import type { ScannedReadings } from '#contract/scanned-readings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';

const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;

/** So many readings of one schema. */
export interface SchemaCount {
  readonly schema: string;
  readonly count: number;
}

const scanners = new WeakMap<SchemaRegistry, ReadingScanner>();

/** The scanner for readings of these schemas. One for all who ask: nobody may keep what it found over a turn. */
function scannerFor(schemas: SchemaRegistry): ReadingScanner {
  let scanner = scanners.get(schemas);
  if (scanner === undefined) {
    scanner = new ReadingScanner(schemas);
    scanners.set(schemas, scanner);
  }
  return scanner;
}

/**
 * Judges a message of which every reading is in the plain form (`ReadingScanner`) and good.
 *
 * @param receivedAt as for `admit`
 * @param found gets what was found; what is in it is to be forgotten when the message is not plain
 * @returns how many of each schema; `undefined` = look at it thoroughly
 */
export function scanMessage(
  message: Uint8Array,
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
  mostReadings: number,
  found?: ScannedReadings,
): readonly SchemaCount[] | undefined {
  const scanner = scannerFor(schemas);
  let at = skipSpace(message, 0);
  const isArray = message[at] === OPEN_ARRAY;
  if (isArray) at = skipSpace(message, at + 1);
  let name = '';
  let counts: Map<string, number> | undefined;
  let readings = 0;
  for (;;) {
    at = scanner.scan(message, at);
    const { schema, ts } = scanner;
    if (at < 0 || schema === undefined || ++readings > mostReadings) return undefined;
    if (receivedAt !== undefined && (ts - receivedAt > schema.maxSkewMs || receivedAt - ts > schema.maxAgeMs))
      return undefined;
    found?.add(schema, scanner);
    if (readings === 1) name = schema.name;
    else if (counts === undefined && schema.name !== name) counts = new Map([[name, readings - 1]]);
    counts?.set(schema.name, (counts.get(schema.name) ?? 0) + 1);
    at = skipSpace(message, at);
    if (!isArray) break;
    const byte = message[at++];
    at = skipSpace(message, at);
    if (byte === CLOSE_ARRAY) break;
    if (byte !== COMMA) return undefined;
  }
  if (at !== message.length) return undefined;
  return counts === undefined
    ? countOf(name, readings)
    : Array.from(counts, ([each, count]) => ({ schema: each, count }));
}

let last: readonly [SchemaCount] = [{ schema: '', count: 0 }];

/** Messages are alike, and ten thousand of them wait for the log at a time: those that follow each other share the object. */
function countOf(schema: string, count: number): readonly [SchemaCount] {
  if (last[0].schema !== schema || last[0].count !== count) last = [{ schema, count }];
  return last;
}
