import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { flagsOf } from './memory-flags.mjs';

test('a process that stays gets flags; a command, which ends soon, is not started twice for them', () => {
  expect(flagsOf('standalone/main.ts', [])).toContain('--expose-gc');
  expect(flagsOf('processors/dead-letters/main.ts', [])).toBeUndefined();
});

test('what the operator has set stays', () => {
  const given = ['--no-deprecation --max-semi-space-size=64', '--heap-growing-percent=300'];
  expect(flagsOf('standalone/main.ts', given)).toEqual(['--expose-gc']);
});

test('what stays is started with its flags, and without the debug of its parser', () => {
  const start = path.join(import.meta.dirname, 'start.mjs');
  const script = `if (!process.argv[1].endsWith('start.mjs')) process.exit(console.log(process.execArgv.join()))`;
  const show = `--import=data:text/javascript,${encodeURIComponent(script)}`;
  const output = execFileSync(process.execPath, [show, start, 'standalone/main.ts'], { encoding: 'utf8' });
  expect(output).toContain('--expose-gc');
  expect(output).toContain('without-debug.mjs');
});

test('a command gets its arguments, and its usage names it', () => {
  const start = path.join(import.meta.dirname, 'start.mjs');
  const output = execFileSync(process.execPath, [start, 'processors/trace/main.ts', '--help'], {
    encoding: 'utf8',
  });
  expect(output).toContain('Usage: ');
});
