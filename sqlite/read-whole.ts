import { readSync } from 'node:fs';

/**
 * Fills `bytes` from a place of a file, or leaves zeros: part of a page is none, and a sector that the disk cannot read is
 * no reason to give up the others.
 */
export function readWhole(fd: number, bytes: Buffer, position: number): void {
  try {
    if (readSync(fd, bytes, 0, bytes.length, position) < bytes.length) bytes.fill(0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error;
    bytes.fill(0);
  }
}
