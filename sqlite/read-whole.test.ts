import { closeSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readWhole } from './read-whole.ts';

function open(file: string): number {
  const fd = openSync(file, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

test('a page is read whole, or is zeros', () => {
  const file = join(tmpdir(), `read-whole-${process.pid}`);
  writeFileSync(file, 'abcdef');
  const fd = open(file);
  const bytes = Buffer.from('xxxx');
  readWhole(fd, bytes, 1);
  expect(bytes.toString()).toBe('bcde');
  readWhole(fd, bytes, 4);
  expect(bytes).toEqual(Buffer.alloc(4));
});

// No address of this process is 0: the kernel answers as a disk does that cannot read a sector.
test.runIf(process.platform === 'linux')('what the disk cannot read is zeros (EIO)', () => {
  const bytes = Buffer.from('xxxx');
  readWhole(open('/proc/self/mem'), bytes, 0);
  expect(bytes).toEqual(Buffer.alloc(4));
});

test('any other error is thrown', () => {
  expect(() => readWhole(open(tmpdir()), Buffer.alloc(4), 0)).toThrow('EISDIR');
});
