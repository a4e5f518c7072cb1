import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { buildSchemaRegistry, type SchemaFile, type SchemaRegistry } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readSchemaFiles } from '#runtime/load-schemas.ts';

/** Of a file listing, or of one schema. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The schemas of the last release: a folder that was kept, or the same folder at a tag, branch or commit of git.
 *
 * @param against the folder, or the git ref.
 * @param folder where the schemas stand now, for git.
 * @throws PipelineError `usage`: neither is there, or it holds no sound schemas.
 */
export function releasedSchemas(against: string, folder: string): SchemaRegistry {
  const problems: string[] = [];
  const files = isFolder(against) ? readSchemaFiles(against, problems) : filesAt(against, folder);
  if (problems.length === 0 && files.length === 0) problems.push('no schema files were found');
  const built = problems.length > 0 ? { problems } : buildSchemaRegistry(files);
  if ('registry' in built) return built.registry;
  throw new PipelineError(
    'usage',
    built.problems.map((problem) => `--against ${against}: ${problem}`).join('\n'),
  );
}

function isFolder(name: string): boolean {
  return existsSync(name) && statSync(name).isDirectory();
}

function filesAt(ref: string, folder: string): SchemaFile[] {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', maxBuffer: MAX_BYTES, stdio: 'pipe' });
  try {
    const names = git('ls-tree', '-r', '-z', '--name-only', '--end-of-options', ref, '.').split('\0');
    return names.flatMap((name) => {
      const [type, file, ...deeper] = name.split('/');
      if (type === undefined || file === undefined || deeper.length > 0 || !file.endsWith('.json')) return [];
      const content: unknown = JSON.parse(git('show', '--end-of-options', `${ref}:./${name}`));
      return { path: `${ref}:${name}`, type, version: path.basename(file, '.json'), content };
    });
  } catch (error) {
    const why = (error as { readonly stderr?: string }).stderr?.trim() || String(error);
    throw new PipelineError('usage', `--against ${ref}: neither a folder nor a git ref of ${folder}: ${why}`);
  }
}
