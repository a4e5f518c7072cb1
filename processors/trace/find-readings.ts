import { LIMITS } from '#contract/limits.ts';

/** Which readings of a device are looked for: the one with a number, or those of a span of time. */
export type Wanted =
  | { readonly seq: number }
  /** `ts` from `fromMs` on, before `toMs`; milliseconds since the epoch. */
  | { readonly fromMs: number; readonly toMs: number };

/** Where a payload holds a reading that is looked for. */
export interface FoundReading {
  /** Position in a batch message. */
  readonly index: number | undefined;
  /** What was parsed there; `undefined` when the payload is no JSON and only its text mentions the `seq`. */
  readonly reading: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Looks for readings in a payload, of whatever kind it is. One that is no JSON is searched as text for a `seq`, since a
 * broken message is what a dead letter often holds.
 */
export function findReadings(payload: Uint8Array, wanted: Wanted): FoundReading[] {
  // Longer ones come from other programs.
  const text = Buffer.from(payload.subarray(0, LIMITS.packetBytes)).toString('utf8');
  // Saves the parsing of all other messages of the device.
  if ('seq' in wanted && !text.includes(String(wanted.seq))) return [];
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    const mentioned = 'seq' in wanted && new RegExp(`"seq"\\s*:\\s*${wanted.seq}(?![\\d.eE])`).test(text);
    return mentioned ? [{ index: undefined, reading: undefined }] : [];
  }
  if (!Array.isArray(message))
    return isWanted(message, wanted) ? [{ index: undefined, reading: message }] : [];
  return message.flatMap((reading: unknown, index) =>
    isWanted(reading, wanted) ? [{ index, reading }] : [],
  );
}

function isWanted(reading: unknown, wanted: Wanted): reading is Record<string, unknown> {
  if (typeof reading !== 'object' || reading === null) return false;
  const { seq, ts } = reading as { readonly seq?: unknown; readonly ts?: unknown };
  if ('seq' in wanted) return Object.hasOwn(reading, 'seq') && seq === wanted.seq;
  return Object.hasOwn(reading, 'ts') && typeof ts === 'number' && isWithin(ts, wanted);
}

/** Whether a time is one of the span. */
export function isWithin(
  ms: number,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): boolean {
  return ms >= fromMs && ms < toMs;
}
