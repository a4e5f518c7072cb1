import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { replaceDamaged } from './set-aside.ts';

// What stands in a file made anew is tested with the log and the store.
test('the damaged files of the last three times are kept, with their write-ahead logs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'set-aside-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'log.sqlite');
  writeFileSync(file, 'damaged 0');
  const kept = [1, 2, 3, 4, 5].map((time) => {
    writeFileSync(`${file}-wal`, 'w');
    const { keptAs } = replaceDamaged(file, (to) => {
      writeFileSync(to, `damaged ${time}`);
      utimesSync(to, 1_000 * time, 1_000 * time);
    });
    return basename(keptAs);
  });
  expect(readdirSync(folder).toSorted()).toEqual(
    ['log.sqlite', ...kept.slice(-3).flatMap((name) => [name, `${name}-wal`])].toSorted(),
  );
});
