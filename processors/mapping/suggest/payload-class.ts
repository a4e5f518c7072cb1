import { isUtf8 } from 'node:buffer';
import { isObject } from '#contract/mapping/file-place.ts';
import { parseLineProtocol } from '#contract/mapping/line-protocol.ts';
import { TIME_MEMBER } from './guess-time.ts';

/** What a payload is, as far as it can be told from its bytes. */
export type PayloadClass =
  | { readonly kind: 'blank' | 'binary' | 'text' | 'line-protocol' }
  /** One number, boolean or word. */
  | { readonly kind: 'scalar' }
  | { readonly kind: 'json'; readonly value: object };

/** A word of a state or a number; longer texts are texts. */
const SCALAR = /^[^\s{}[\]",=]{1,64}$/;

export function classOf(payload: Uint8Array): PayloadClass {
  if (payload.length === 0) return { kind: 'blank' };
  if (!isUtf8(payload)) return { kind: 'binary' };
  const text = Buffer.from(payload).toString('utf8').trim();
  if (SCALAR.test(text)) return { kind: 'scalar' };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { kind: 'json', value };
    return { kind: 'text' };
  } catch {
    const lines = parseLineProtocol(text);
    return { kind: lines.length > 0 && lines.every(Boolean) ? 'line-protocol' : 'text' };
  }
}

/** Members of the payload's objects, to see whether two payloads are of one shape. */
export function memberNames(value: object): Set<string> {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  const names = isObject(first) ? Object.keys(first).slice(0, 64) : [];
  // Nearly every payload has a time: it makes no two alike.
  const others = names.filter((name) => !TIME_MEMBER.test(name));
  return new Set(others.length > 0 ? others : names);
}
