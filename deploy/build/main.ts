import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DIST } from '#runtime/built-entry.mjs';
import { bundle } from './bundle.ts';

// npm run build: dist/, for what package.json starts by runtime/start.mjs.
const ROOT = path.join(import.meta.dirname, '..', '..');
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const entries = Object.values(scripts).flatMap(
  (script) => / runtime\/start\.mjs (\S+)/.exec(script)?.[1] ?? [],
);
const { sources } = await bundle(ROOT, entries, DIST);
process.stdout.write(`${DIST}/: ${entries.length} commands, of ${sources.length} sources\n`);
