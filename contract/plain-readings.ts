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
  const counts: { schema: string; count: number }[] = [];
  let run: { schema: string; count: number } | undefined;
  for (let readings = 1; ; readings++) {
    at = scanner.scan(message, at);
    const { schema, ts } = scanner;
    if (at < 0 || schema === undefined || readings > mostReadings) return undefined;
    if (receivedAt !== undefined && (ts - receivedAt > schema.maxSkewMs || receivedAt - ts > schema.maxAgeMs))
      return undefined;
    found?.add(schema, scanner);
    if (run === undefined || run.schema !== schema.name) {
      run = counts.find((each) => each.schema === schema.name) ?? { schema: schema.name, count: 0 };
      if (run.count === 0) counts.push(run);
    }
    run.count++;
    at = skipSpace(message, at);
    if (!isArray) break;
    const byte = message[at++];
    at = skipSpace(message, at);
    if (byte === CLOSE_ARRAY) break;
    if (byte !== COMMA) return undefined;
  }
  return at === message.length ? counts : undefined;
}
