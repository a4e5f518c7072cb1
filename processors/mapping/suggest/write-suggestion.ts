import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PipelineError } from '#runtime/errors.ts';
import type { Suggestion } from './suggestion.ts';

/**
 * Writes the mapping to `<folder>/mappings`, the schemas to `<folder>/schemas`, as MAPPING_DIR and SCHEMA_DIR want them.
 *
 * @returns the files.
 * @throws PipelineError `usage`, and writes nothing, when one of them is there and may not be overwritten.
 */
export function writeSuggestion(
  folder: string,
  { mapping, schemas }: Suggestion,
  overwrite: boolean,
): string[] {
  const files = [
    [path.join(folder, 'mappings', `${String(mapping['source'])}.json`), mapping] as const,
    ...schemas.map(({ type, content }) => [path.join(folder, 'schemas', type, '1.json'), content] as const),
  ];
  const there = files.map(([file]) => file).filter((file) => existsSync(file));
  if (there.length > 0 && !overwrite) {
    throw new PipelineError(
      'usage',
      `--out: there are files already, and nothing was written (--overwrite does): ${there.join(', ')}`,
    );
  }
  for (const [file, content] of files) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  }
  return files.map(([file]) => file);
}
