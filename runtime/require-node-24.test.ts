import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');
/** Whatever Node runs this: it calls itself an older one. */
const OLDER_NODE = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.1' } })",
)}`;

test.each([
  [
    'a process of the pipeline',
    ['--import', './runtime/require-node-24.mjs', 'standalone/main.ts', '--help'],
  ],
  ['a single test file', ['node_modules/vitest/vitest.mjs', 'run', 'runtime/errors.test.ts']],
])('[P10] %s under another Node says which one it needs, and ends with 2', (_, args) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--import', OLDER_NODE, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stderr).toContain('This pipeline needs Node 24');
  expect(stdout).toBe('');
  expect(status).toBe(2);
});
