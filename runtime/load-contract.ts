import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { MessageLimits } from '#contract/limits.ts';
import {
  type CompiledMappingFile,
  type MappingFile,
  schemasNamedIn,
} from '#contract/mapping/mapping-file.ts';
import { buildMappings, type Mappings } from '#contract/mapping/mappings.ts';
import {
  buildSchemaRegistry,
  type ClockLimits,
  type SchemaFile,
  type SchemaRegistry,
} from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import {
  filesOfSources,
  list,
  readJson,
  type SchemaSources,
  SHIPPED_SCHEMAS,
} from '#runtime/load-schemas.ts';

/** The mapping files that come with the pipeline, and below `types/` the schemas of what they make. */
export const SHIPPED_MAPPINGS = path.join(import.meta.dirname, '..', 'mappings');

export interface ContractOptions extends SchemaSources {
  /** Shipped mapping files that are switched on, by name. */
  readonly mappings: readonly string[];
  /** Folder of the operator's own mapping files. */
  readonly mappingDir: string | undefined;
  /** Default: `LIMITS`. */
  readonly limits?: MessageLimits & ClockLimits;
  /** Labels that become tags of the store; none may be called like a value. */
  readonly storeTags?: readonly string[];
  /** Time zone of `"zone": "site"`; default: the machine's. */
  readonly siteZone: string | undefined;
}

/** Schemas and mappings as the files say them. */
export interface Contract {
  readonly schemas: SchemaRegistry;
  readonly mappings: Mappings;
  readonly mappingFiles: readonly CompiledMappingFile[];
}

/**
 * Reads and compiles schemas and mappings. A type that a mapping names and the schemas lack is taken from the types
 * that come with the shipped mappings, so that the operator's own file of that name wins.
 *
 * @throws PipelineError `configuration` with everything that is wrong, one line each, with file, rule and place.
 */
export function loadContract({
  mappings,
  mappingDir,
  siteZone,
  storeTags = [],
  limits,
  ...sources
}: ContractOptions): Contract {
  const schemaProblems: string[] = [];
  const problems: string[] = [];
  const files = [
    ...shippedFiles(mappings, problems),
    ...(mappingDir === undefined ? [] : filesOf(mappingDir, problems)),
  ];
  const schemaFiles = filesOfSources(sources, schemaProblems);
  const types = missingTypes(files, schemaFiles, schemaProblems);
  const built = buildSchemaRegistry([...schemaFiles, ...types], limits);
  if ('problems' in built) schemaProblems.push(...built.problems);
  const schemas = 'registry' in built ? built.registry : undefined;
  // Without schemas every reading would be wrong.
  const compiled = schemas && buildMappings(files, schemas, siteZone ?? zoneOfMachine(files), limits);
  if (compiled !== undefined && 'problems' in compiled) problems.push(...compiled.problems);
  if (schemas !== undefined) problems.push(...tagProblems(storeTags, schemas));
  const lines = [...schemaProblems.map((problem) => `SCHEMA_DIR: ${problem}`), ...problems];
  if (schemas === undefined || compiled === undefined || !('mappings' in compiled) || lines.length > 0) {
    throw new PipelineError('configuration', lines.join('\n'));
  }
  return { schemas, mappings: compiled.mappings, mappingFiles: compiled.files };
}

/** Asked only when a rule may mean it: the first formatter of a process loads what is known of all zones and languages, 10 MiB. */
function zoneOfMachine(mappings: readonly MappingFile[]): string {
  return mappings.length === 0 ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The files that a contract is read from, and the folders that files may come to. */
export function contractFiles({ schemaDir, mappings, mappingDir }: ContractOptions): string[] {
  const shipped = mappings.map((name) => path.join(SHIPPED_MAPPINGS, `${name}.json`));
  const folders = [SHIPPED_SCHEMAS, schemaDir, mappingDir].filter((folder) => folder !== undefined);
  return [...shipped, ...folders.flatMap(filesBelow)];
}

/** A tag and a value of one name: no query could tell which is meant, and a table has one column of that name. */
function tagProblems(tags: readonly string[], schemas: SchemaRegistry): string[] {
  return tags.flatMap((tag) => {
    const holders = [...schemas.values()].filter(({ fields }) => fields.has(tag)).map(({ name }) => name);
    const also = holders.length > 3 ? ` and ${holders.length - 3} more` : '';
    return holders.length === 0
      ? []
      : [
          `STORE_TAGS: expected labels that no value is called like, but ${tag} is one of ${holders.slice(0, 3).join(', ')}${also}`,
        ];
  });
}

/** What is in a folder, and in the folders in it: schemas lie no deeper. One that is not there now is named itself: reading says so. */
function filesBelow(folder: string): string[] {
  const unreadable: string[] = [];
  const entries = list(folder, unreadable);
  if (unreadable.length > 0) return [folder];
  return entries.flatMap((entry) => [
    entry.path,
    ...(entry.isFolder ? list(entry.path, unreadable).map((file) => file.path) : []),
  ]);
}

/** Names of the mapping files that come with the pipeline. */
export function shippedMappingNames(): string[] {
  return readdirSync(SHIPPED_MAPPINGS)
    .filter((name) => name.endsWith('.json'))
    .map((name) => path.basename(name, '.json'))
    .sort();
}

function shippedFiles(names: readonly string[], problems: string[]): MappingFile[] {
  const known = names.length === 0 ? [] : shippedMappingNames();
  return [...new Set(names)].flatMap((name) => {
    if (known.includes(name))
      return fileAt('MAPPINGS', path.join(SHIPPED_MAPPINGS, `${name}.json`), problems);
    problems.push(
      `MAPPINGS: no mapping called ${JSON.stringify(name)} comes with the pipeline (there are ${known.join(', ')})`,
    );
    return [];
  });
}

function filesOf(folder: string, problems: string[]): MappingFile[] {
  const unreadable: string[] = [];
  const entries = list(folder, unreadable);
  problems.push(...unreadable.map((problem) => `MAPPING_DIR: ${problem}`));
  return entries
    .filter((entry) => !entry.isFolder && entry.name.endsWith('.json'))
    .flatMap((entry) => fileAt('MAPPING_DIR', entry.path, problems));
}

/** Everything told about the file begins with the variable that switches it on, and its path. */
function fileAt(variable: 'MAPPINGS' | 'MAPPING_DIR', file: string, problems: string[]): MappingFile[] {
  const unreadable: string[] = [];
  const content = readJson(file, unreadable);
  problems.push(...unreadable.map((problem) => `${variable}: ${problem}`));
  return content === undefined ? [] : [{ path: `${variable}: ${file}`, content }];
}

function missingTypes(
  files: readonly MappingFile[],
  schemaFiles: readonly SchemaFile[],
  problems: string[],
): SchemaFile[] {
  const present = new Set(schemaFiles.map(({ type, version }) => `${type}/${version}`));
  const missing: SchemaFile[] = [];
  for (const name of new Set(files.flatMap(({ content }) => [...schemasNamedIn(content)]))) {
    const [type, version] = name.split('/');
    if (present.has(name) || type === undefined || version === undefined || !/^[a-z0-9-]+\/\d+$/.test(name))
      continue;
    const file = path.join(SHIPPED_MAPPINGS, 'types', type, `${version}.json`);
    if (!existsSync(file)) continue;
    missing.push({ path: file, type, version, content: readJson(file, problems) });
  }
  return missing;
}
