import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogWriter } from './log-writer.ts';

test.each([64 * 1024, 1024 * 1024])(
  'each probe of %i bytes writes as many, though the one before it wrote the same',
  (probeBytes) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    prepareFolder(dataDir, true);
    prepareLogFile(dataDir, { maxBytes: 1024 ** 3, nowMs: Date.now() });
    const { file } = logPaths(dataDir);
    using writer = new LogWriter(openLogFile(file, 'write'), { file });
    const probe = () => {
      const { failure } = writer.commit({ segments: [], offsets: [], seenMs: null, probeBytes });
      expect(failure).toBeUndefined();
      return statSync(`${file}-wal`).size;
    };

    let written = probe();
    for (let i = 0; i < 3; i++) {
      const now = probe();
      expect(now - written).toBeGreaterThanOrEqual(probeBytes);
      written = now;
    }
  },
);
