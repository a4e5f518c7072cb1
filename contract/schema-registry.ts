import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { excerptOf } from '#contract/excerpt-of-values.ts';
import { LIMITS, type Limits } from '#contract/limits.ts';
import type { FieldKind } from '#contract/reading.ts';

/** A schema file as it was found: `<type>/<version>.json`. */
export interface SchemaFile {
  /** For messages to the operator. */
  readonly path: string;
  readonly type: string;
  readonly version: string;
  readonly content: unknown;
}

export interface FieldDefinition {
  readonly name: string;
  readonly kind: FieldKind;
  /** `x-unit`, for people and dashboards; empty when the schema names none. */
  readonly unit: string;
  readonly required: boolean;
  /** The property's own JSON Schema: bounds for the simulator, text for the documents. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** One device type in one version: everything that is derived from its JSON Schema. */
export interface ReadingSchema {
  /** `<type>/<version>`: what a reading names in `schema`. */
  readonly name: string;
  readonly type: string;
  readonly version: number;
  readonly fields: ReadonlyMap<string, FieldDefinition>;
  /** How far a reading's `ts` may lie before and after its receipt, milliseconds. */
  readonly maxAgeMs: number;
  readonly maxSkewMs: number;
  readonly content: Readonly<Record<string, unknown>>;
  /** Hot path: stops at the first problem. */
  accepts(values: unknown): boolean;
  /** Failure path: what is wrong, at most `MAX_PROBLEMS` of it, with JSON pointers below `/values`. */
  problems(values: unknown): readonly SchemaProblem[];
}

export interface SchemaProblem {
  readonly path: string;
  readonly message: string;
}

export type SchemaRegistry = ReadonlyMap<string, ReadingSchema>;

/** For schemas that say nothing of it themselves. */
export type ClockLimits = Pick<Limits, 'maxAgeMs' | 'maxSkewMs'>;

const MAX_PROBLEMS = 10;
const TYPE_NAME = /^[a-z][a-z0-9-]{0,63}$/;
const VERSION = /^[1-9][0-9]{0,5}$/;
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Names that the store uses itself, or that are special in JavaScript objects. */
export const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  'seq',
  'schemaVersion',
  'schemaType',
  'device',
  'time',
  'constructor',
  'prototype',
]);
const KIND_OF_TYPE: Readonly<Record<string, FieldKind>> = {
  integer: 'integer',
  number: 'float',
  boolean: 'boolean',
  string: 'string',
};

/**
 * Compiles all schemas, or says everything that is wrong with them, one line each with the file's path. Refused:
 * invalid JSON Schema 2020-12, names that the store cannot hold, the same version of a type twice, and a property whose
 * kind differs between versions of a type, since the store keeps one kind for a field.
 */
export function buildSchemaRegistry(
  files: readonly SchemaFile[],
  clock: ClockLimits = LIMITS,
): { readonly registry: SchemaRegistry } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const registry = new Map<string, ReadingSchema>();
  const paths = new Map<string, string>();
  const kinds = new Map<string, { readonly kind: FieldKind; readonly path: string }>();
  // One for all of them: to compile the meta-schema takes longer than all else here, and what it leaves is larger.
  const meta = new Ajv2020();
  for (const file of files) {
    const fault = (message: string): void => void problems.push(`${file.path}: ${message}`);
    const name = `${file.type}/${file.version}`;
    const other = paths.get(name);
    if (other !== undefined) {
      fault(`${name} is defined twice, here and in ${other}`);
      continue;
    }
    paths.set(name, file.path);
    const schema = compile(file, fault, clock, meta);
    if (schema === undefined) continue;
    for (const field of schema.fields.values()) {
      const key = `${schema.type}.${field.name}`;
      const known = kinds.get(key);
      if (known === undefined) kinds.set(key, { kind: field.kind, path: file.path });
      else if (known.kind !== field.kind) {
        fault(`property "${field.name}" is ${field.kind} here but ${known.kind} in ${known.path}`);
      }
    }
    registry.set(schema.name, schema);
  }
  if (files.length === 0) problems.push('no schema files were found');
  return problems.length > 0 ? { problems } : { registry };
}

function compile(
  file: SchemaFile,
  fault: (message: string) => void,
  clock: ClockLimits,
  meta: Ajv2020,
): ReadingSchema | undefined {
  if (!TYPE_NAME.test(file.type))
    return void fault(`folder name "${file.type}" must match ${TYPE_NAME.source}`);
  if (!VERSION.test(file.version))
    return void fault(`file name "${file.version}" must be a version number from 1`);
  const content = file.content;
  if (!isObject(content)) return void fault('must be a JSON object');
  if (content.type !== 'object' || !isObject(content.properties)) {
    return void fault('must have "type": "object" and "properties"');
  }
  if (content.additionalProperties !== false) return void fault('must have "additionalProperties": false');

  const required = Array.isArray(content.required) ? content.required : [];
  const fields = new Map<string, FieldDefinition>();
  let sound = true;
  const refuse = (message: string): void => {
    sound = false;
    fault(message);
  };
  for (const [name, schema] of Object.entries(content.properties)) {
    const kind = isObject(schema) && typeof schema.type === 'string' ? KIND_OF_TYPE[schema.type] : undefined;
    if (RESERVED_FIELDS.has(name)) refuse(`property name "${name}" is reserved`);
    else if (!FIELD_NAME.test(name)) refuse(`property name "${name}" must match ${FIELD_NAME.source}`);
    else if (!isObject(schema) || kind === undefined) {
      refuse(`property "${name}" must have one "type" of ${Object.keys(KIND_OF_TYPE).join(', ')}`);
    } else {
      const unit = typeof schema['x-unit'] === 'string' ? schema['x-unit'] : '';
      fields.set(name, { name, kind, unit, required: required.includes(name), schema });
    }
  }
  if (fields.size === 0 && sound) refuse('must have at least one property');
  const maxAgeMs = duration(content, 'x-max-age-ms', clock.maxAgeMs, refuse);
  const maxSkewMs = duration(content, 'x-max-skew-ms', clock.maxSkewMs, refuse);
  const validators = compileValidators(content, refuse, meta);
  if (!sound || validators === undefined) return undefined;

  const { fast, thorough } = validators;
  return {
    name: `${file.type}/${file.version}`,
    type: file.type,
    version: Number(file.version),
    fields,
    maxAgeMs,
    maxSkewMs,
    content,
    accepts: (values) => fast(values),
    problems: (values) => {
      const validate = thorough();
      validate(excerptOf(values, fields, MAX_PROBLEMS));
      return (validate.errors ?? []).slice(0, MAX_PROBLEMS).map(problemOf);
    },
  };
}

/** `ownProperties`: keys such as `constructor` must not be found on the prototype. A value without a field is no reading. */
function compileValidators(
  content: Record<string, unknown>,
  refuse: (message: string) => void,
  meta: Ajv2020,
): { readonly fast: ValidateFunction; readonly thorough: () => ValidateFunction } | undefined {
  const schema = { minProperties: 1, ...content };
  try {
    void meta.validateSchema(schema, true);
    const compileWith = (allErrors: boolean): ValidateFunction => {
      const strict = { ownProperties: true, strict: true, strictTypes: true };
      const ajv = new Ajv2020({ ...strict, allErrors, meta: false, validateSchema: false });
      for (const keyword of extensionKeywords(content)) ajv.addKeyword(keyword);
      return ajv.compile(schema);
    };
    const fast = compileWith(false);
    let thorough: ValidateFunction | undefined;
    // Made when the first reading is refused: most schemas never need it, and compiling takes milliseconds.
    return { fast, thorough: () => (thorough ??= compileWith(true)) };
  } catch (error) {
    return void refuse(error instanceof Error ? error.message : String(error));
  }
}

/** `x-…` keywords are annotations of ours or the operator's; ajv's strict mode wants to know them. */
function extensionKeywords(content: Record<string, unknown>): Set<string> {
  const names = Object.keys(content);
  for (const property of Object.values(content.properties as object)) {
    if (isObject(property)) names.push(...Object.keys(property));
  }
  return new Set(names.filter((name) => name.startsWith('x-')));
}

function duration(
  content: Record<string, unknown>,
  keyword: string,
  fallback: number,
  refuse: (message: string) => void,
): number {
  const value = content[keyword];
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  refuse(`"${keyword}" must be a whole number of milliseconds`);
  return fallback;
}

function problemOf(error: ErrorObject): SchemaProblem {
  const extra = error.params.additionalProperty;
  const message =
    typeof extra === 'string' ? `unknown property ${JSON.stringify(extra.slice(0, 64))}` : error.message;
  return { path: `/values${error.instancePath}`, message: message ?? error.keyword };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
