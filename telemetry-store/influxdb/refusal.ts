import { TimeSlice } from '#runtime/time-slice.ts';
import type { Point } from '#telemetry-store/telemetry-store.ts';
import { linesOfPoints } from './line-protocol.ts';

/**
 * A point of a batch on its way, and where it stood. Its line is made again when a refusal must be judged: lines kept
 * for the time of the request would be most of what a batch holds, and work for the garbage collector.
 */
export class SentPoint {
  readonly index: number;
  readonly point: Point;

  constructor(index: number, point: Point) {
    this.index = index;
    this.point = point;
  }

  get line(): string {
    return UTF8.decode(linesOfPoints([this.point]));
  }
}

const UTF8 = new TextDecoder();

export type RefusalVerdict =
  /** Each of these points is refused; one reason per point. */
  | { readonly kind: 'all'; readonly reasons: readonly string[] }
  /** Two smaller parts, neither of them empty, to be written one by one; the suspects are in the second. */
  | { readonly kind: 'split'; readonly parts: readonly [readonly SentPoint[], readonly SentPoint[]] };

/**
 * What to do with points of which InfluxDB refused at least one. It never says which; after a 422 it has not even
 * said whether the rest is stored: the points of each shard are written at the same time, and the first shard that
 * fails answers for all (`points_writer.go`), so `dropped=1` may be one of many. Only a count that equals what was
 * sent is proof. Everything else is written again in parts, until each part is stored or refused as a whole.
 *
 * The reason is used as a hint how to split: the points it may speak of on one side, the others on the other. A bad
 * point among 5,000 is found with 2 more requests where halving needs 26, and 2,500 bad ones among 5,000 also with 2.
 * When the hint does not divide the points (other words in another version, several shards), they are halved.
 */
export async function judgeRefusal(sent: readonly SentPoint[], reason: string): Promise<RefusalVerdict> {
  const named = await quotedReasons(sent, reason);
  if (named.every((text) => text !== undefined)) return { kind: 'all', reasons: named };
  if (sent.length === 1 || droppedCount(reason) === sent.length) {
    return { kind: 'all', reasons: sent.map(() => reason) };
  }
  const speaksOf = suspicion(reason);
  const suspects: SentPoint[] = [];
  const others: SentPoint[] = [];
  sent.forEach((one, at) => {
    const suspect = speaksOf === undefined ? named[at] !== undefined : speaksOf(one.point);
    (suspect ? suspects : others).push(one);
  });
  if (suspects.length > 0 && others.length > 0) return { kind: 'split', parts: [others, suspects] };
  const middle = Math.ceil(sent.length / 2);
  return { kind: 'split', parts: [sent.slice(0, middle), sent.slice(middle)] };
}

/** By point, what is said of its line where that is quoted. Making the lines again is most of the work of a verdict. */
async function quotedReasons(sent: readonly SentPoint[], reason: string): Promise<(string | undefined)[]> {
  const unparsable = unparsableLines(reason);
  if (unparsable.size === 0) return sent.map(() => undefined);
  const slice = new TimeSlice();
  const named: (string | undefined)[] = [];
  for (const { line } of sent) {
    named.push(unparsable.get(line));
    if (slice.isOver()) await slice.rest();
  }
  return named;
}

/** Which points the words may speak of; `undefined` when they name no kind of point. */
function suspicion(reason: string): ((point: Point) => boolean) | undefined {
  const conflict = /input field "(.+?)" on measurement "(.+?)" is type (\w+)/.exec(reason);
  if (conflict !== null) {
    const [, name, measurement, kind] = conflict;
    return (point) =>
      point.measurement === measurement &&
      point.fields.some((field) => field.name === name && field.kind === kind);
  }
  const bound = /outside retention policy.*Lower Bound at (\d{4}-\S+Z)/s.exec(reason);
  if (bound !== null) {
    const oldestMs = Date.parse(bound[1] as string);
    return (point) => point.timestamp <= oldestMs;
  }
  return undefined;
}

function droppedCount(reason: string): number | undefined {
  const match = /dropped=(\d+)/.exec(reason);
  return match === null ? undefined : Number(match[1]);
}

/** `unable to parse '<line>': <why>`, one after the other for every bad line of the request. */
function unparsableLines(reason: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const text of reason.split(/^(?=unable to parse ')/m)) {
    const match = /^unable to parse '(.*)': .*$/s.exec(text.trimEnd());
    if (match !== null) lines.set(match[1] as string, text.trimEnd());
  }
  return lines;
}
