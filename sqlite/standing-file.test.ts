import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { placeOf, StandingFile } from './standing-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  const parent = mkdtempSync(path.join(tmpdir(), 'standing-file-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  folder = path.join(parent, 'data');
  mkdirSync(folder);
  file = path.join(folder, 'log');
  for (const ending of ['', '-wal', '-shm']) writeFileSync(`${file}${ending}`, '');
});

test.each(['', '-wal', '-shm'])('[P1] tells that "%s" is gone, another one, and there again', (ending) => {
  const standing = new StandingFile(file, placeOf(file));
  expect(standing.displacement()).toBeUndefined();
  const gone = `${file}${ending}`;
  renameSync(gone, `${gone}.moved`);
  expect(standing.displacement()).toBe(`${gone} was deleted or moved away while it is in use`);
  writeFileSync(gone, '');
  expect(standing.displacement()).toBe(`${gone} was replaced by another file while it is in use`);
  renameSync(`${gone}.moved`, gone);
  expect(standing.displacement()).toBeUndefined();
});

test('its whole folder, and what stands in that place', () => {
  const standing = new StandingFile(file, placeOf(file));
  renameSync(folder, `${folder}.moved`);
  expect([standing.atPath(), standing.displacement()]).toEqual(['nothing', expect.stringContaining(file)]);
  writeFileSync(folder, 'a file where a folder was');
  expect([standing.atPath(), standing.displacement()]).toEqual(['nothing', expect.stringContaining(file)]);
  rmSync(folder);
  mkdirSync(folder);
  writeFileSync(file, '');
  expect([standing.atPath(), standing.displacement()]).toEqual(['another', expect.stringContaining(file)]);
});

test('a journal that is made later belongs to it, a file that comes later does not', () => {
  rmSync(`${file}-wal`);
  const standing = new StandingFile(file, placeOf(file));
  writeFileSync(`${file}-wal`, '');
  expect(standing.displacement()).toBeUndefined();
  rmSync(`${file}-wal`);
  expect(standing.displacement()).toContain('log-wal');

  rmSync(file);
  const late = new StandingFile(file, placeOf(file));
  writeFileSync(file, '');
  expect([late.atPath(), late.displacement()]).toEqual(['another', expect.stringContaining('replaced')]);
});
