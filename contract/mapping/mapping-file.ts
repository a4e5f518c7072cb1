import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { Zones } from './compile-context.ts';
import { compileRules, type MappingRule } from './compile-rule.ts';
import { FilePlace, isObject } from './file-place.ts';
import { compileExamples, type MappingExample } from './mapping-example.ts';

/** A mapping file as it was found. */
export interface MappingFile {
  /** For messages to the operator. */
  readonly path: string;
  readonly content: unknown;
}

export interface CompiledMappingFile {
  readonly source: string;
  readonly rules: readonly MappingRule[];
  readonly examples: readonly MappingExample[];
}

const SOURCE_NAME = /^[a-z][a-z0-9-]{0,63}$/;

/** Compiles one file; everything that is wrong with it goes into `problems`. */
export function compileMappingFile(
  { path, content }: MappingFile,
  schemas: SchemaRegistry,
  zones: Zones,
  problems: string[],
): CompiledMappingFile {
  const at = new FilePlace(problems, path);
  const members = at.object(content, ['source', 'description', 'rules', 'examples']);
  const source = members?.source;
  if (typeof source !== 'string' || !SOURCE_NAME.test(source)) {
    at.at('source').fault('must be a name: a–z, 0–9 and -, beginning with a letter');
  }
  const { description } = members ?? {};
  if (description !== undefined && typeof description !== 'string')
    at.at('description').fault('must be a text');
  const rules = members?.rules;
  if (!Array.isArray(rules) || rules.length === 0) at.at('rules').fault('must be a list that is not empty');
  const compiled = (Array.isArray(rules) ? rules : []).flatMap((rule: unknown, index) =>
    compileRules(rule, at.at('rules').at(index), String(source), schemas, zones),
  );
  return {
    source: String(source),
    rules: compiled,
    examples: compileExamples(members?.examples, at.at('examples')),
  };
}

/** The schemas that a file's readings name, as far as it can be told from a file that is not checked yet. */
export function schemasNamedIn(content: unknown): Set<string> {
  const names = new Set<string>();
  const note = (reading: unknown): void => {
    const as = (reading as { readonly as?: unknown } | null | undefined)?.as;
    const name = isObject(as) ? as['type'] : as;
    if (typeof name === 'string') names.add(name);
  };
  const rules = (content as { readonly rules?: unknown } | null | undefined)?.rules;
  for (const rule of Array.isArray(rules) ? rules : []) {
    note(rule);
    const readings = (rule as { readonly readings?: unknown } | null)?.readings;
    for (const reading of Array.isArray(readings) ? readings : []) note(reading);
  }
  return names;
}
