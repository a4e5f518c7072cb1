import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { BUILD_FILE, sourcesDigest } from '#runtime/built-entry.mjs';

/** Stays in node_modules: what is not JavaScript; what the guards open by its own files, of which there may be one copy. */
const NATIVE = [/^@node-rs\//, 'lz4-napi', 'snappy'];
const GUARDED = ['aedes', 'kafkajs', 'mqtt-packet'];
/** Asks for its parts by a `require` of its own, which a bundler cannot see. */
const NOT_BUNDLED = ['jsonc-parser'];
/** A place in the repository, until it is known in which file the code that names it comes to stand. */
const PLACE = /@@place:([^@]+)@@/g;
const THREAD = /new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/g;
const BEYOND_ASCII = /[^\p{ASCII}]/gu;

/** What was built: `<out>/<entry>.js` for each of them, and for each thread that they start. */
export interface Build {
  readonly entries: readonly string[];
  /** Files of the repository that are in it. */
  readonly sources: readonly string[];
}

/**
 * Bundles the entries, without types and comments, into `out` (below the root, emptied before): a process then reads a few files instead of some
 * thousand, and keeps neither the stripper of types nor sources in its memory. Schemas and mappings stay where they are.
 */
export async function bundle(root: string, entries: readonly string[], out: string): Promise<Build> {
  rmSync(path.join(root, out), { recursive: true, force: true });
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(entries.map((entry) => [entry.replace(/\.ts$/, ''), entry])),
    platform: 'node',
    external: [/^node:/, ...NATIVE, ...GUARDED, ...NOT_BUNDLED],
    plugins: [placesOf(root, out)],
    logLevel: 'warn',
  });
  const { output } = await build.write({
    dir: path.join(root, out),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    sourcemap: true,
    comments: false,
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  });
  await build.close();
  for (const { fileName } of output) if (fileName.endsWith('.js')) escapeFile(path.join(root, out, fileName));
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  const ours = modules
    .map((module) => path.relative(root, module))
    .filter((file) => /^[\w-]/.test(file) && !file.startsWith('node_modules/'));
  // Which versions of the packages are in it.
  const sources = [...new Set(ours), 'package-lock.json'].sort();
  const description = { entries, sources, digest: sourcesDigest(root, sources) };
  writeFileSync(path.join(root, out, BUILD_FILE), JSON.stringify(description));
  return { entries, sources };
}

/** Code that asks where it stands (for schemas, for the file of a thread) gets the place of its source, or of its built form. */
function placesOf(root: string, out: string): Plugin {
  return {
    name: 'places',
    transform(code, id) {
      if (!id.startsWith(root) || id.includes('node_modules') || !code.includes('import.meta.')) return null;
      const folder = path.relative(root, path.dirname(id));
      const here = `(import.meta.dirname + '/@@place:${folder}@@')`;
      const placed = code.replaceAll('import.meta.dirname', here).replace(THREAD, (_, name) => {
        const fileName = `${folder}/${name}.js`;
        this.emitFile({ type: 'chunk', id: path.join(root, folder, `${name}.ts`), fileName });
        return `new URL('@@place:${out}/${fileName}@@', import.meta.url)`;
      });
      return { code: placed, map: null };
    },
    renderChunk(code, { fileName }) {
      const from = path.dirname(path.join(out, fileName));
      return { code: code.replace(PLACE, (_, place: string) => path.posix.relative(from, place)), map: null };
    },
  };
}

/** One character beyond it, and V8 keeps all of a file in two bytes a character. */
function escapeFile(file: string): void {
  const code = readFileSync(file, 'utf8');
  writeFileSync(file, code.replace(BEYOND_ASCII, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}
