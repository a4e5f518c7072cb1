import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

/** Only glibc's is known to have what is tried here. */
const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

/** 128 MiB in pieces as large as what is read from a socket, each with something small behind it that stays. */
const SCRIPT = `
  import { trimMalloc } from '${path.join(import.meta.dirname, 'malloc-trim.ts')}';
  const small = [];
  let large = [];
  for (let i = 0; i < 2_048; i++) {
    large.push(Buffer.allocUnsafeSlow(65_536).fill(1));
    small.push(Buffer.allocUnsafeSlow(2_000).fill(1));
  }
  large = undefined;
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const held = process.memoryUsage.rss();
  trimMalloc();
  const kept = small.every((it) => it.every((byte) => byte === 1));
  console.log(JSON.stringify({ heldMiB: (held - process.memoryUsage.rss()) / 1024 ** 2, kept }));
`;

test.runIf(isGlibc)('holes between what stays go back to the machine, and what stays is whole', () => {
  const args = ['--expose-gc', '--input-type=module', '--eval', SCRIPT];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
  const { heldMiB, kept } = JSON.parse(output) as { heldMiB: number; kept: boolean };
  expect(heldMiB).toBeGreaterThan(64);
  expect(kept).toBe(true);
});

test('where extensions may not be loaded nothing happens', () => {
  const script = `import { trimMalloc } from '${path.join(import.meta.dirname, 'malloc-trim.ts')}'; trimMalloc(); console.log('done')`;
  const args = ['--permission', '--allow-fs-read=*', '--input-type=module', '--eval', script];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' })).toBe('done\n');
});
