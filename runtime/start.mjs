// node runtime/start.mjs ENTRY [ARGUMENTS…]: how everything of the pipeline starts, by npm, in the image, under systemd.
// Plain JavaScript, so that an older Node can say what is wrong. One place for two things: what is built is run when it is
// built of these sources, and a process that stays gets the memory settings that were measured for it (docs/benchmarks.md).
import './require-node-24.mjs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtEntry } from './built-entry.mjs';
import { flagsOf, MEMORY_ENV } from './memory-flags.mjs';

const ROOT = path.join(import.meta.dirname, '..');
const [entry = '', ...args] = process.argv.slice(2);
const file = path.join(ROOT, builtEntry(ROOT, entry) ?? entry);
const flags = flagsOf(entry, [...process.execArgv, process.env.NODE_OPTIONS ?? '']);

if (flags !== undefined && process.platform !== 'win32') {
  // The same process: signals, exit code and standard streams are those of whoever started this one.
  const preloaded = `--import=${pathToFileURL(path.join(import.meta.dirname, 'without-debug.mjs')).href}`;
  const argv = [process.execPath, ...process.execArgv, ...flags, preloaded, file, ...args];
  process.execve(process.execPath, argv, { ...MEMORY_ENV, ...process.env });
}
process.argv.splice(1, 2, file);
await import(pathToFileURL(file).href);
