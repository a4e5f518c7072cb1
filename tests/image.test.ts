import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dockerfileText } from '#tests/compose.ts';

const ROOT = path.join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const { dependencies, imports, scripts } = JSON.parse(read('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
};
const lockfile = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly dev?: boolean;
        readonly deprecated?: string;
        readonly engines?: { readonly node?: string };
        readonly dependencies?: Readonly<Record<string, string>>;
        readonly optionalDependencies?: Readonly<Record<string, string>>;
      }
    >
  >;
};
/** What is for those who change the code: none of it is in the image, nor may the pipeline need it. */
const ONLY_HERE = new Set(['services', 'benchmarks', 'deploy', 'docs', 'grafana', 'tests']);
/** By the last lines of .dockerignore. */
const LEFT_OUT = /\.(test|suite)\.ts$|\/testing\//;
const ENTRY = /(\S+\/main\.ts)/;
const copied = [...dockerfileText().matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources]) =>
  (sources as string).split(' '),
);

test('the image holds every folder that a process imports from, and the build is given what it copies', () => {
  const ignore = read('.dockerignore').split('\n');
  expect(copied.filter((source) => !ignore.includes(`!${source}`))).toEqual([]);
  const folders = Object.keys(imports).map((name) => name.slice(1, -2));
  expect(folders.filter((folder) => !ONLY_HERE.has(folder) && !copied.includes(folder))).toEqual([]);
});

describe('without development tools', () => {
  const entries = Object.entries(scripts)
    .map(([name, script]) => ({ name, entry: ENTRY.exec(script)?.[1] }))
    .filter((script): script is { name: string; entry: string } => script.entry !== undefined)
    .filter(({ entry }) => !ONLY_HERE.has(entry.split('/')[0] as string));

  test('all commands of the pipeline are looked at', () => {
    expect(entries.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['start', 'demo', 'gateway', 'processors', 'lag-monitor', 'simulate', 'dlq']),
    );
  });

  test.each(entries)('npm run $name imports only what the image holds: $entry', ({ entry }) => {
    const { files, packages } = reachableFrom(entry);
    expect([...files].filter((file) => !copied.includes(file.split('/')[0] as string))).toEqual([]);
    expect([...files].filter((file) => LEFT_OUT.test(file))).toEqual([]);
    expect([...files].filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    expect([...packages].filter((name) => dependencies[name] === undefined)).toEqual([]);
    // `npm ci --omit=dev` goes by this mark of the lockfile.
    expect([...packages].filter((name) => lockfile.packages[`node_modules/${name}`]?.dev)).toEqual([]);
  });
});

describe('npm ci has nothing to warn of', () => {
  test('no package of the lockfile is deprecated', () => {
    const deprecated = Object.entries(lockfile.packages).filter(
      ([, entry]) => entry.deprecated !== undefined,
    );
    expect(deprecated).toEqual([]);
  });

  test('the lockfile has every package that one of its packages names, also those for other platforms', () => {
    const installed = new Set(
      Object.keys(lockfile.packages).map((place) => place.slice(place.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(lockfile.packages)
      .flatMap((entry) => Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
      .filter((name) => !installed.has(name));
    expect(missing).toEqual([]);
  });

  test.each([20, 24])('every package accepts Node %i', (major) => {
    const refusing = Object.entries(lockfile.packages).filter(
      ([, { engines }]) => !accepts(engines?.node, major),
    );
    expect(refusing.map(([name, { engines }]) => `${name}: ${engines?.node}`)).toEqual([]);
  });
});

/** Whether a range of Node versions reaches the major version: as much of the grammar as lockfiles use. */
function accepts(range: string | undefined, major: number): boolean {
  if (range === undefined) return true;
  return range.split('||').some((alternative) => {
    const [, comparison, from] = /^\s*(>=?|\^|~)?\s*v?(\d+)/.exec(alternative) ?? [];
    if (from === undefined) return true;
    return comparison?.startsWith('>') ? Number(from) <= major : Number(from) === major;
  });
}

/** Files and packages that are loaded when `entry` is run: what it imports, what that imports, and so on. Types are not. */
function reachableFrom(entry: string): { readonly files: Set<string>; readonly packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    if (!file.endsWith('.ts')) continue;
    for (const specifier of loadedBy(read(file))) {
      if (specifier.startsWith('./')) waiting.push(path.posix.join(path.posix.dirname(file), specifier));
      else if (specifier.startsWith('#')) waiting.push(specifier.slice(1));
      else if (!isBuiltin(specifier)) packages.add(packageOf(specifier));
    }
  }
  return { files, packages };
}

function loadedBy(source: string): string[] {
  const statements = /^(?:import|export)\s(?!type\b)(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...source.matchAll(statements)].map(([, named, dynamic]) => (named ?? dynamic) as string);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
