import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { realFile } from './real-file.ts';

function folderWith(folders: readonly string[]): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'real-file-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  return root;
}

test.each([
  ['from a folder that is reached through a link', '../store/log'],
  ['through another link, and up from where that leads', 'elsewhere/../log'],
])('[P2] a relative link leads where the system goes: %s', (_how, target) => {
  const root = folderWith(['mnt/v2/sub', 'mnt/v2/store/inner', 'deep/store']);
  symlinkSync(join(root, 'mnt/v2/sub'), join(root, 'deep/data'));
  symlinkSync(join(root, 'mnt/v2/store/inner'), join(root, 'mnt/v2/sub/elsewhere'));
  const link = join(root, 'deep/data/event-log.sqlite');
  symlinkSync(target, link);
  expect(realFile(link)).toBe(join(root, 'mnt/v2/store/log'));
  writeFileSync(link, 'where the system goes');
  expect(readFileSync(realFile(link), 'utf8')).toBe('where the system goes');
});

test('no link, a link to a folder that is missing, and links in circles', () => {
  const root = folderWith(['disk']);
  expect(realFile(join(root, 'log'))).toBe(join(root, 'log'));
  symlinkSync('away/log', join(root, 'gone'));
  expect(realFile(join(root, 'gone'))).toBe(join(root, 'away/log'));
  symlinkSync('there', join(root, 'here'));
  symlinkSync('here', join(root, 'there'));
  expect([join(root, 'here'), join(root, 'there')]).toContain(realFile(join(root, 'here')));
});
