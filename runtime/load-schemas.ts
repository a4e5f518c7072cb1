import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { buildSchemaRegistry, type SchemaFile, type SchemaRegistry } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';
import type { Settings } from '#runtime/settings.ts';

/** The folder of the schemas that come with the pipeline. */
export const SHIPPED_SCHEMAS = path.join(import.meta.dirname, '..', 'contract', 'schemas');

/**
 * The schemas that come with the pipeline and those of the operator's folder, both `<type>/<version>.json`. Files that do
 * not end in `.json` are left alone (editors, READMEs), and what begins with a dot (git, and how Kubernetes swaps files).
 *
 * @throws PipelineError `configuration` with everything that is wrong, one line each, with paths.
 */
export function loadSchemas(sources: SchemaSources = {}): SchemaRegistry {
  const problems: string[] = [];
  const built = buildSchemaRegistry(filesOfSources(sources, problems));
  if ('registry' in built && problems.length === 0) return built.registry;
  const all = [...problems, ...('problems' in built ? built.problems : [])];
  throw new PipelineError('configuration', all.map((problem) => `SCHEMA_DIR: ${problem}`).join('\n'));
}

/** Which schemas there are: `SCHEMA_DIR`, `SHIPPED_SCHEMAS`. */
export type SchemaSources = Partial<Pick<Settings, 'schemaDir' | 'shippedSchemas'>>;

/** The files of all sources, not judged yet; what cannot be read goes into `problems`. */
export function filesOfSources(
  { schemaDir, shippedSchemas = true }: SchemaSources,
  problems: string[],
): SchemaFile[] {
  const folders = new Set(shippedSchemas ? [SHIPPED_SCHEMAS] : []);
  if (schemaDir !== undefined) folders.add(path.resolve(schemaDir));
  return [...folders].flatMap((folder) => readSchemaFiles(folder, problems));
}

/** The schema files below `folder`, not judged yet; what cannot be read goes into `problems`. */
export function readSchemaFiles(folder: string, problems: string[]): SchemaFile[] {
  const files: SchemaFile[] = [];
  for (const type of list(folder, problems)) {
    if (!type.isFolder) continue;
    for (const file of list(type.path, problems)) {
      if (file.isFolder || !file.name.endsWith('.json')) continue;
      const content = readJson(file.path, problems);
      if (content === undefined) continue;
      files.push({ path: file.path, type: type.name, version: path.basename(file.name, '.json'), content });
    }
  }
  return files;
}

/** The JSON of a file; `undefined` when it cannot be read, which goes into `problems`. */
export function readJson(file: string, problems: string[]): unknown {
  try {
    // Reading a pipe would wait, and with it the process, for whoever writes into it.
    if (!statSync(file).isFile()) throw new Error('expected a file');
    return JSON.parse(readText(file)) as unknown;
  } catch (error) {
    problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly isFolder: boolean;
}

/** What is in a folder, by name, and what begins with a dot is not; `[]` when it cannot be read, which goes into `problems`. */
export function list(folder: string, problems: string[]): Entry[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => {
        const location = path.join(folder, entry.name);
        const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && leadsToFolder(location));
        return { name: entry.name, path: location, isFolder };
      });
  } catch (error) {
    problems.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** One that leads nowhere does not: reading says why, where it is read. */
function leadsToFolder(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false;
  }
}
