import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { oneModule } from './one-module.ts';

/** A file as a browser gets it. */
export interface PageFile {
  readonly type: string;
  readonly tag: string;
  /** By `content-encoding`. */
  readonly bodies: Readonly<Record<'br' | 'gzip' | 'identity', Uint8Array>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
};

/** Libraries of the page: what is imported, and under which path it is served. */
const LIBRARIES = [
  ['preact', '/lib/preact.mjs'],
  ['preact/hooks', '/lib/preact-hooks.mjs'],
  ['htm', '/lib/htm.mjs'],
  ['uplot', '/lib/uplot.mjs'],
] as const;
/** What a package gives to Node, where it gives another form of it to browsers. */
const FOR_BROWSERS: readonly (readonly [string, string])[] = [['uPlot.cjs.js', 'uPlot.esm.js']];

/** What the page shares with the pipeline, by its place in the repository. Pure modules that import nothing. */
export const SHARED: readonly string[] = ['contract/letter-status.ts', 'contract/reject-reason.ts'];

const PAGE_ALIAS = '#console/page/';
const ROOT = path.join(import.meta.dirname, '..', '..', '..');
const PAGE = path.join(ROOT, 'console', 'page');
const RUNBOOKS = path.join(ROOT, 'docs', 'runbooks');
/** How far back a repetition is looked for: 256 KiB. Brotli's own choice takes some MiB of memory a file, to save 1 %. */
const WINDOW_BITS = 18;
/** In the page: its style sheets, each a file for whoever writes them, and one together for browsers. */
const STYLE_SHEETS = /( *<link rel="stylesheet" href="[^"]+">\n)+/;
const STYLES_URL = '/page/styles.css';
const SCRIPT_URL = '/page/main.ts';
/** In the page: where the names of what its script imports go, so that a browser asks for them at once. */
const PRELOAD_MARK = '<!-- modulepreload -->';

/**
 * Everything of the page, by path, prepared once: types stripped, imports of libraries given paths (an import map would be an
 * inline script, which the policy of content forbids), modules and style sheets put together, so that a first visit asks for a
 * dozen files and not for seventy, compressed. Nothing that is asked for over the network becomes a name of a file. `/` is the page.
 */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, Promise<PageFile>>();
  for (const [name, url] of LIBRARIES) files.set(url, prepared(url, withPaths(readLibrary(name))));
  for (const name of SHARED) files.set(`/${name}`, prepared(name, readModule(path.join(ROOT, name))));
  const modules = new Map<string, string>();
  for (const name of namesIn(PAGE)) {
    const [url, file] = [`/page/${name}`, path.join(PAGE, name)];
    if (name.endsWith('.ts')) modules.set(url, readModule(file, path.posix.dirname(url)));
    else if (name.endsWith('.svg')) files.set(url, prepared(name, readFileSync(file, 'utf8')));
  }
  files.set(SCRIPT_URL, prepared(SCRIPT_URL, oneModule(modules, SCRIPT_URL)));
  for (const name of namesIn(RUNBOOKS))
    files.set(`/runbooks/${name}`, prepared(name, readFileSync(path.join(RUNBOOKS, name), 'utf8')));
  const page = readFileSync(path.join(PAGE, 'index.html'), 'utf8');
  const preloads = [...LIBRARIES.map(([, url]) => url), ...SHARED.map((name) => `/${name}`)]
    .map((url) => `<link rel="modulepreload" href="${url}">`)
    .join('\n');
  const styles = [...page.matchAll(/href="\/page\/(styles\/[^"]+)"/g)].map(([, name]) => name as string);
  const sheet = styles.map((name) => readFileSync(path.join(PAGE, name), 'utf8')).join('\n');
  files.set(STYLES_URL, prepared(STYLES_URL, sheet));
  const together = page.replace(STYLE_SHEETS, `    <link rel="stylesheet" href="${STYLES_URL}">\n`);
  files.set('/', prepared('index.html', together.replace(PRELOAD_MARK, preloads)));
  return new Map(await Promise.all([...files].map(async ([url, file]) => [url, await file] as const)));
}

/** In the folder and those in it; tests and what serves them are not for browsers. */
function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => TYPES[path.extname(name)] !== undefined && !/\.test\.ts$|(^|\/)testing\//.test(name));
}

function readLibrary(name: string): string {
  const file = FOR_BROWSERS.reduce(
    (place, [ours, theirs]) => place.replace(ours, theirs),
    fileURLToPath(import.meta.resolve(name)),
  );
  const source = readFileSync(file, 'utf8');
  return source.replace(/\n\/\/# sourceMappingURL=\S*\s*$/, '\n');
}

/** A module without types; what it imports from its own folder gets that before. */
function readModule(file: string, folder = ''): string {
  return withPaths(stripTypeScriptTypes(readFileSync(file, 'utf8'))).replace(
    /(\bfrom\s*)(["'])\.\/([^"']+)\2/g,
    (_, before, quote, name) => `${before}${quote}${folder}/${name}${quote}`,
  );
}

/** Imports by the paths that they are served under: of libraries, of the page's other folders, of what it shares. */
function withPaths(source: string): string {
  return source.replace(/(\bfrom\s*|\bimport\s*)(["'])([^"'./][^"']*)\2/g, (whole, before, quote, name) => {
    const url = urlOf(name);
    return url === undefined ? whole : `${before}${quote}${url}${quote}`;
  });
}

function urlOf(name: string): string | undefined {
  if (name.startsWith(PAGE_ALIAS)) return `/page/${name.slice(PAGE_ALIAS.length)}`;
  const shared = SHARED.find((file) => name === `#${file}`);
  return shared === undefined ? LIBRARIES.find(([library]) => library === name)?.[1] : `/${shared}`;
}

async function prepared(name: string, text: string): Promise<PageFile> {
  const identity = Buffer.from(text);
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(identity, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS },
    }),
    promisify(gzip)(identity, { level: 9 }),
  ]);
  return {
    type: TYPES[path.extname(name)] ?? 'application/octet-stream',
    tag: `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`,
    bodies: { br, gzip: zipped, identity },
  };
}
