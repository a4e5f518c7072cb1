import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createBufferRelease } from './buffer-release.ts';

const MIB = 1024 * 1024;

test('collects when 8 MiB have piled up, and then again only when 8 more have', () => {
  const collect = vi.fn();
  let held = 20 * MIB;
  const release = createBufferRelease(collect, () => held);
  const collectionsAt = [21, 27, 28, 30, 35, 36, 12, 19, 20].filter((mib) => {
    held = mib * MIB;
    collect.mockClear();
    release();
    return collect.mock.calls.length > 0;
  });
  expect(collectionsAt).toEqual([28, 36, 20]);
});

test('does nothing in a process that was started without the flag', () => {
  expect(createBufferRelease(undefined, () => Number.NaN)).not.toThrow();
});

test('V8 frees buffers that nobody needs, long before it would by itself', () => {
  const script = `
    import { createBufferRelease } from '${path.join(import.meta.dirname, 'buffer-release.ts')}';
    const release = process.argv[1] === 'released' ? createBufferRelease() : () => undefined;
    let most = 0;
    for (let i = 0; i < 400; i++) {
      new Uint8Array(256 * 1024).fill(i);
      release();
      most = Math.max(most, process.memoryUsage().arrayBuffers);
      // Freed memory is counted off in a turn of its own.
      await new Promise(setImmediate);
    }
    console.log(most);`;
  const most = (how: string): number =>
    Number(
      execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script, how], {
        encoding: 'utf8',
      }),
    );
  expect(most('released')).toBeLessThan(most('left') / 2);
});
