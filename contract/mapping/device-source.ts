import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import type { CompileContext } from './compile-context.ts';
import { type FilePlace, isObject } from './file-place.ts';
import { compileJoin } from './join.ts';
import { type Scope, type Source, Unfit } from './scope.ts';
import {
  compileSource,
  compileSourceObject,
  FIRST_OF,
  firstOf,
  onlyWhen,
  type SourceSpec,
} from './source.ts';
import { isSourceText } from './source-text.ts';

export interface DeviceSource {
  /** The device's id, or why there is none. */
  readonly read: (scope: Scope) => string | Unfit;
  readonly place: Source['place'];
}

/** Longer text is no name: a bound for making an id of it, which costs its length for each element. */
const NAME_LENGTH = 256;
const MISSING = new Unfit('the device is missing');
const NO_TEXT = new Unfit('must be a text or a whole number to name a device');
const NO_ID = new Unfit(
  `must be a device id (1–${LIMITS.deviceIdLength} of A-Z a-z 0-9 . _ : -); "slug": true makes one`,
);
const TOO_LONG = new Unfit(`must be at most ${NAME_LENGTH} characters to name a device`);
/** Characters of the hash that keeps two long names apart. */
const HASH_LENGTH = 8;

/**
 * Compiles `device`: a source, a fixed text, `{"join": […], "with": ":"}`, `{"first": […]}` of those; in an object also
 * `"slug": true`, which stands outside.
 */
export function compileDevice(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
): DeviceSource | undefined {
  if (spec === undefined) return at.fault('is missing: whose reading is it?');
  const slug = isObject(spec) && 'slug' in spec;
  if (slug && spec['slug'] !== true) at.at('slug').fault('must be true, or be left out');
  const source = compileName(spec, at, context);
  if (source === undefined) return undefined;
  return {
    read: (scope) => {
      const name = source.read(scope);
      if (name instanceof Unfit) return name;
      if (name === undefined || name === null || name === '') return MISSING;
      const text = typeof name === 'string' ? name : Number.isSafeInteger(name) ? String(name) : undefined;
      if (text === undefined) return NO_TEXT;
      if (isDeviceId(text)) return text;
      if (text.length > NAME_LENGTH) return TOO_LONG;
      return slug ? slugOf(text) : NO_ID;
    },
    place: source.place,
  };
}

function compileName(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  if (typeof spec === 'string') return compileTextOrSource(spec, at, context);
  if (!isObject(spec)) return at.fault('must be a source, a text, or an object with "join" or "at"');
  const { slug: _slug, ...rest } = spec;
  if ('first' in rest) return compileFirstName(rest, at, context);
  if (!('join' in rest)) {
    const members = at.object(rest, ['at', 'const', 'split', 'index', 'map', 'when']);
    return members && compileSourceObject(members as SourceSpec, at, context);
  }
  const members = at.object(rest, ['join', 'with', 'when']);
  const source = members && compileJoin(members, at, (part, place) => compilePart(part, place, context));
  return source && onlyWhen(source, members?.when, at.at('when'), context);
}

function compilePart(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  return typeof spec === 'string' ? compileTextOrSource(spec, at, context) : compileSource(spec, at, context);
}

/** The first of several names that there is. */
function compileFirstName(
  spec: Readonly<Record<string, unknown>>,
  at: FilePlace,
  context: CompileContext,
): Source | undefined {
  const names = at.object(spec, ['first'])?.first;
  if (!Array.isArray(names) || names.length < 2 || names.length > FIRST_OF)
    return at.at('first').fault(`must be a list of 2 to ${FIRST_OF} sources`);
  const sources = names.map((name: unknown, index) => {
    const place = at.at('first').at(index);
    if (isObject(name) && 'slug' in name) return place.at('slug').fault('stands beside "first"');
    return compileName(name, place, context);
  });
  if (!sources.every((source) => source !== undefined)) return undefined;
  return firstOf(sources);
}

function compileTextOrSource(text: string, at: FilePlace, context: CompileContext): Source | undefined {
  if (isSourceText(text)) return compileSource(text, at, context);
  if (/[{}]/.test(text)) return at.fault('text around a {name}: use {"join": ["text", "{name}"]}');
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(text))
    return at.fault(`${JSON.stringify(text)} cannot be (a part of) a device id`);
  return { read: () => text, place: () => undefined };
}

/**
 * A device id for any name: `/` becomes `:`, every other character that an id cannot have `-`. A name that is too
 * long keeps its beginning and a hash of the whole, so that two of them stay two devices.
 */
export function slugOf(name: string): string {
  const id = name
    .replaceAll('/', ':')
    .replace(/[^A-Za-z0-9._:-]/gu, '-')
    .replace(/^\.{1,2}$/, '-');
  if (id.length <= LIMITS.deviceIdLength) return id;
  return `${id.slice(0, LIMITS.deviceIdLength - HASH_LENGTH - 1)}-${hashOf(name)}`;
}

/** FNV-1a, 32 bits, as hexadecimal text. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(HASH_LENGTH, '0');
}
