import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { dockerfileText } from '#tests/compose.ts';

const ROOT = path.join(import.meta.dirname, '..');

test('the image holds every folder that a process imports from, and the build is given what it copies', () => {
  const copied = [...dockerfileText().matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources]) =>
    (sources as string).split(' '),
  );
  const ignore = readFileSync(path.join(ROOT, '.dockerignore'), 'utf8').split('\n');
  expect(copied.filter((source) => !ignore.includes(`!${source}`))).toEqual([]);

  const { imports } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    imports: Record<string, string>;
  };
  const onlyHere = new Set(['services', 'docs', 'grafana', 'tests', 'benchmarks']);
  const folders = Object.keys(imports).map((name) => name.slice(1, -2));
  expect(folders.filter((folder) => !onlyHere.has(folder) && !copied.includes(folder))).toEqual([]);
});
