import { LIMITS } from '#contract/limits.ts';

/** Where a payload holds a reading with the `seq` that is looked for. */
export interface SeqFound {
  /** Position in a batch message. */
  readonly index: number | undefined;
  /** What was parsed there; `undefined` when the payload is no JSON and only its text mentions the `seq`. */
  readonly reading: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Looks for the readings numbered `seq` in a payload, of whatever kind it is: a payload that is no JSON is searched as
 * text, since a broken message is what a dead letter often holds.
 */
export function findSeq(payload: Uint8Array, seq: number): SeqFound[] {
  // Longer ones come from other programs.
  const text = Buffer.from(payload.subarray(0, LIMITS.packetBytes)).toString('utf8');
  // Saves the parsing of all other messages of the device.
  if (!text.includes(String(seq))) return [];
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    const mentioned = new RegExp(`"seq"\\s*:\\s*${seq}(?![\\d.eE])`).test(text);
    return mentioned ? [{ index: undefined, reading: undefined }] : [];
  }
  if (!Array.isArray(message))
    return isNumbered(message, seq) ? [{ index: undefined, reading: message }] : [];
  return message.flatMap((reading: unknown, index) => (isNumbered(reading, seq) ? [{ index, reading }] : []));
}

function isNumbered(reading: unknown, seq: number): reading is Record<string, unknown> {
  if (typeof reading !== 'object' || reading === null || !Object.hasOwn(reading, 'seq')) return false;
  return (reading as { readonly seq: unknown }).seq === seq;
}
